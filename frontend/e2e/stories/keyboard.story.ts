// Without a mouse.

import { expect } from "vitest";
import { until } from "../house.ts";
import { story } from "../story.ts";

story("everything can be gone to and done by typing", async ({ house, page, step }) => {
  const palette = page.getByRole("dialog").getByRole("textbox", { name: "Go to or do" });
  const go = async (text: string) => {
    await page.keyboard.press("Control+k");
    await palette.waitFor();
    await page.keyboard.type(text);
    // The first of what is offered is taken by Enter.
    await page
      .getByRole("dialog")
      .getByRole("button")
      .first()
      .filter({ hasText: new RegExp(text, "i") })
      .waitFor();
    await page.keyboard.press("Enter");
    await palette.waitFor({ state: "detached" });
  };

  await step("a page", async () => {
    await page.goto("/functions");
    await page.getByRole("main").getByRole("link", { name: "hello", exact: true }).first().waitFor();
    await go("dead letters");
    await page.waitForURL(/dead-letters/);
  });

  await step("a function", async () => {
    await go("hello");
    await page.waitForURL(/functions\/[0-9a-f-]+$/);
    await page.getByRole("main").getByRole("heading", { name: "hello" }).waitFor();
  });

  await step("what can be done with it", async () => {
    await go("invoke hello");
    await page.waitForURL(/functions\/[0-9a-f-]+\/invoke/);
  });

  await step("stop it, and start it", async () => {
    await go("stop hello");
    await page.getByRole("main").getByText("stopped", { exact: true }).first().waitFor();
    await go("start hello");
    await page.getByRole("main").getByText("running", { exact: true }).first().waitFor();
  });

  await step("a run, by the beginning of its id", async () => {
    await house.call("hello", { name: "Ada" });
    const id = await until("the run is recorded", async () => {
      const { runs } = await house.ask<{ runs: { nodes: { id: string }[] } }>("{ runs(first: 1) { nodes { id } } }");
      return runs.nodes[0]?.id;
    });
    await go(id.slice(0, 13));
    await page.waitForURL(new RegExp(`/runs/${id}`));
  });

  await step("other colours", async () => {
    await go("dark colours");
    await page.locator("html[data-mantine-color-scheme=dark]").waitFor();
  });

  await step("Escape closes it, and the focus is where it was", async () => {
    await page.goto("/functions");
    const search = page.getByRole("textbox", { name: "Search functions" });
    await search.focus();
    await page.keyboard.press("Control+k");
    await palette.waitFor();
    await page.keyboard.press("Escape");
    await palette.waitFor({ state: "detached" });
    await expect.poll(() => search.evaluate((element) => element === document.activeElement)).toBe(true);
  });
});

story("the keyboard reaches everything, and says how", async ({ page, step }) => {
  const main = page.getByRole("main");
  const focused = () => page.evaluate(() => document.activeElement?.id || document.activeElement?.textContent);

  await step("the first thing that Tab comes to leads past the navigation", async () => {
    await page.goto("/functions");
    await main.getByRole("link", { name: "hello", exact: true }).first().waitFor();
    await page.keyboard.press("Tab");
    await expect.poll(focused).toBe("Skip to the content");
    await page.keyboard.press("Enter");
    await expect.poll(focused).toBe("main");
    await page.keyboard.press("Tab");
    expect(await main.evaluate((element) => element.contains(document.activeElement))).toBe(true);
  });

  await step("two keys go to a page", async () => {
    await page.keyboard.press("g");
    await page.keyboard.press("s");
    await page.waitForURL(/\/system$/);
    await page.keyboard.press("g");
    await page.keyboard.press("f");
    await page.waitForURL(/\/functions$/);
  });

  await step("what is typed into a field is a text", async () => {
    await page.keyboard.press("/");
    const search = main.getByRole("textbox", { name: "Search functions" });
    await expect.poll(() => search.evaluate((element) => element === document.activeElement)).toBe(true);
    await page.keyboard.type("g s?");
    await expect.poll(() => search.inputValue()).toBe("g s?");
    expect(page.url()).toContain("/functions");
    await search.fill("");
    await search.blur();
  });

  await step("? says what there is", async () => {
    await page.keyboard.press("?");
    const help = page.getByRole("dialog", { name: "Keyboard shortcuts" });
    await help.getByText("Go to dead letters").waitFor();
    await page.keyboard.press("Escape");
    await help.waitFor({ state: "detached" });
  });
});
