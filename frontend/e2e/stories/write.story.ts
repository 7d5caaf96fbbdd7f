// A function without a repository: written on the page.

import { expect } from "vitest";
import { story } from "../story.ts";
import { invoke, result, tab } from "../words.ts";

story("a function is written in the browser, and called", async ({ page, step }) => {
  const main = page.getByRole("main");

  await step("write it", async () => {
    await page.goto("/functions?register=write");
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("textbox", { name: "Name", exact: true }).fill("written");
    await dialog.getByRole("button", { name: "Register and build" }).click();
    await main.getByRole("link", { name: "version 1", exact: true }).first().waitFor();
  });

  await step("start and call it", async () => {
    await main.getByRole("button", { name: "Start", exact: true }).click();
    await main.getByRole("button", { name: "Stop", exact: true }).waitFor();
    await tab(page, "Invoke");
    await invoke(page, { name: "Dora" });
    await result(page).getByText("Dora").last().waitFor();
    await main.getByText("succeeded").first().waitFor();
  });

  await step("let it be gone", async () => {
    await page.getByRole("button", { name: "More for written" }).click();
    await page.getByRole("menuitem", { name: "Deregister" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("textbox").fill("written");
    await dialog.getByRole("button", { name: "Deregister" }).click();
    await main.getByText("deregistered").first().waitFor();
    await page.goto("/functions");
    await main.getByRole("link", { name: "hello", exact: true }).first().waitFor();
    expect(await main.getByRole("link", { name: "written", exact: true }).count()).toBe(0);
  });
});
