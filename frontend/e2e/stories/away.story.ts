// A server that is away while somebody works.

import { expect } from "vitest";
import { story } from "../story.ts";

story(
  "while the server is away the page says so, refuses kindly, and heals by itself",
  async ({ house, page, step }) => {
    const main = page.getByRole("main");

    await step("what is there stays there", async () => {
      await page.goto("/functions");
      await main.getByRole("link", { name: "hello", exact: true }).first().waitFor();
      await house.kill();
      await page.getByRole("alert").getByText("Connection lost").waitFor();
      expect(await main.getByRole("link", { name: "hello", exact: true }).first().isVisible()).toBe(true);
    });

    await step("a change that cannot be made is taken back, and said", async () => {
      await main.getByRole("button", { name: "Stop hello" }).locator("visible=true").click();
      await page.getByText("hello was not stopped").waitFor();
      await main.getByRole("button", { name: "Stop hello" }).locator("visible=true").waitFor();
    });

    await step("a page that was never opened says why it cannot be", async () => {
      await page.getByRole("navigation").getByRole("link", { name: "System" }).click();
      await main.getByText("This page could not be loaded").waitFor();
    });

    await step("it comes by itself with the server", async () => {
      await house.start();
      await main.getByText("SQLite").first().waitFor();
      expect(page.url()).toBe(`${house.url}/system`);
      await page.getByText("Connection lost").waitFor({ state: "detached" });
    });
  },
);
