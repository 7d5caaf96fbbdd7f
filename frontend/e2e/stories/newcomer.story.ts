// What a person does who never saw it, with nothing but the page: a function from Git, called, broken, rolled back,
// stopped; a server that dies meanwhile; and the way out.

import { expect } from "vitest";
import { type House, until } from "../house.ts";
import { handler, manifest, Repository } from "../repository.ts";
import { story } from "../story.ts";
import { invoke, lines, result, tab } from "../words.ts";

const GREETS = handler(`
  console.log("\\u001b[32mgreeting\\u001b[0m " + event.data.name);
  return { greeting: "Hello, " + event.data.name };`);
const BREAKS = handler(`
  console.error("nobody is there to greet");
  throw new Error("no greetings today");`);

/** What the server itself has of the lines of `greeter`. */
async function kept(house: House): Promise<string[]> {
  const answer = await fetch(`${house.url}/v1/functions/greeter/logs`, {
    headers: { authorization: "Bearer dev-token" },
  });
  return (await answer.text()).match(/called [a-z]+-\d+\./g) ?? [];
}

story(
  "a newcomer registers a function from Git, calls it, sees why it fails, rolls back, and loses no line when the server dies",
  async ({ house, page, step }) => {
    const repository = new Repository(house.folder, "greeter");
    repository.commit("greet", { "function.json": manifest(), "index.js": GREETS });
    const main = page.getByRole("main");

    await step("sign in", async () => {
      await page.goto("/");
      await page.getByRole("button", { name: "Sign in as admin" }).click();
      await main.getByRole("link", { name: "hello", exact: true }).first().waitFor();
    });

    await step("register from Git", async () => {
      await main.getByRole("button", { name: "Register" }).click();
      const dialog = page.getByRole("dialog");
      await dialog.getByLabel("Repository").fill(repository.path);
      expect(await dialog.getByRole("textbox", { name: "Name", exact: true }).inputValue()).toBe("greeter");
      await dialog.getByRole("button", { name: "Register and build" }).click();
    });

    await step("watch it being built", async () => {
      await page.getByRole("log").getByText("Built").first().waitFor();
      await main.getByRole("link", { name: "version 1", exact: true }).first().waitFor();
    });

    await step("start it", async () => {
      await main.getByRole("button", { name: "Start", exact: true }).click();
      await main.getByText("running", { exact: true }).first().waitFor();
    });

    await step("call it, and see its answer and its lines", async () => {
      await tab(page, "Invoke");
      await invoke(page, { name: "Ada" });
      await result(page).getByText("Hello, Ada").waitFor();
      await result(page).getByRole("log").getByText("greeting").waitFor();
    });

    await step("open the run", async () => {
      await result(page).getByRole("link", { name: "Open the run" }).click();
      await page.waitForURL(/\/runs\/[0-9a-f-]+$/);
      await main.getByText("succeeded").first().waitFor();
      await page.getByRole("log").getByText("greeting").waitFor();
      await main.getByRole("link", { name: "greeter" }).first().click();
    });

    await step("see lines as they are written", async () => {
      await tab(page, "Logs");
      await page.getByRole("log").getByText("greeting Ada").waitFor();
      await house.call("greeter", { name: "Bob" });
      await page.getByRole("log").getByText("greeting Bob").waitFor();
    });

    await step("build the version that fails", async () => {
      repository.commit("stop greeting", { "index.js": BREAKS });
      await tab(page, "Builds");
      await main.getByRole("button", { name: "Build again" }).click();
      await main.getByRole("link", { name: "version 2", exact: true }).first().waitFor();
      await main
        .getByText(/\bv2\b/)
        .first()
        .waitFor();
      // Version 1 goes on answering until version 2 is ready.
      await until("version 2 answers alone", async () => {
        const { function: found } = await house.ask<{ function: { instances: { version: number }[] } }>(
          '{ function(name: "greeter") { instances { version } } }',
        );
        return found.instances.length > 0 && found.instances.every(({ version }) => version === 2);
      });
    });

    await step("see why a run failed", async () => {
      await tab(page, "Invoke");
      await invoke(page, { name: "Ada" });
      await result(page).getByText("no greetings today").first().waitFor();
      await result(page).getByRole("link", { name: "Open the run" }).click();
      await page.waitForURL(/\/runs\/[0-9a-f-]+$/);
      await main.getByRole("alert").getByText("no greetings today").first().waitFor();
      await page.getByRole("log").getByText("nobody is there to greet").waitFor();
      await main.getByRole("link", { name: "greeter" }).first().click();
    });

    await step("roll back and say why", async () => {
      await tab(page, "Versions");
      await main
        .getByRole("button", { name: /^Roll back to/ })
        .first()
        .click();
      const dialog = page.getByRole("dialog");
      await dialog.getByLabel("Reason").fill("version 2 greets nobody");
      await dialog.getByRole("button", { name: "Roll back", exact: true }).click();
      await dialog.waitFor({ state: "detached" });
      await tab(page, "Invoke");
      await invoke(page, { name: "Carol" });
      await result(page).getByText("Hello, Carol").waitFor();
    });

    await step("look at the past", async () => {
      await tab(page, "History");
      await main.getByText("version 2 greets nobody").first().waitFor();
      await main.getByRole("slider").first().focus();
      await page.keyboard.press("ArrowLeft");
      await page.waitForURL(/at=\d+/);
      await main.getByText("As it was", { exact: true }).waitFor();
    });

    await step("stop it and start it again", async () => {
      await main.getByRole("button", { name: "Stop", exact: true }).click();
      await main.getByText("stopped", { exact: true }).first().waitFor();
      await main.getByRole("button", { name: "Start", exact: true }).click();
      await main.getByRole("button", { name: "Stop", exact: true }).waitFor();
    });

    await step("the server dies, and the page says so", async () => {
      repository.commit("count", { "index.js": handler(`console.log("called " + event.data.name + ".");`) });
      await tab(page, "Builds");
      await main.getByRole("button", { name: "Build again" }).click();
      await main.getByRole("link", { name: "version 3", exact: true }).first().waitFor();
      // A version that is built answers calls only when it has taken over.
      await main.getByText("node · v3 · service").waitFor();
      await tab(page, "Logs");
      for (let number = 1; number <= 8; number++) await house.call("greeter", { name: `before-${number}` });
      await page.getByRole("log").getByText("called before-8.").waitFor();
      await house.kill();
      await page.getByRole("alert").getByText("Connection lost").waitFor();
    });

    await step("the server is back, and no line is missing or told twice", async () => {
      await house.start();
      await page.getByText("Connection lost").waitFor({ state: "detached" });
      for (let number = 1; number <= 8; number++) await house.call("greeter", { name: `after-${number}` });
      await page.getByRole("log").getByText("called after-8.").waitFor();
      const shown = await lines(page, /called [a-z]+-\d+\./g);
      expect(shown).toEqual(await kept(house));
      expect(shown).toHaveLength(16);
      expect(new Set(shown).size).toBe(16);
    });

    await step("sign out", async () => {
      await page.getByRole("button", { name: /^Signed in as/ }).click();
      await page.getByRole("menuitem", { name: "Sign out" }).click();
      await page.getByRole("button", { name: "Sign in", exact: true }).waitFor();
      await page.goto("/functions");
      await page.getByRole("button", { name: "Sign in", exact: true }).waitFor();
      await expect(page.getByText("greeter").count()).resolves.toBe(0);
    });
  },
  { signedOut: true },
);
