// A repository with many functions: registered by its root, whose build offers its folders.

import { expect } from "vitest";
import { handler, manifest, Repository } from "../repository.ts";
import { story } from "../story.ts";

const FUNCTIONS = {
  "README.md": "Three functions\n",
  "functions/greet/index.js": handler(`return "Hello from greet";`),
  "functions/count/index.js": handler(`return "Counted by count";`),
  "functions/mail/function.json": manifest({ name: "mailer" }),
  "functions/mail/index.js": handler(`return "Sent by mailer";`),
};

story(
  "a repository of three functions is registered by its root, and its folders are chosen",
  async ({ house, page, step }) => {
    const main = page.getByRole("main");
    const repository = new Repository(house.folder, "shop");
    repository.commit("Three functions", FUNCTIONS);
    const folders = main.getByRole("list", { name: "Folders that can be functions" });
    const row = (path: string) => folders.getByRole("listitem").filter({ hasText: path });
    const nameOf = (path: string) => row(path).getByRole("textbox");

    await step("register the root, and see the folders", async () => {
      await page.goto("/");
      await main.getByRole("button", { name: "Register" }).click();
      const dialog = page.getByRole("dialog");
      await dialog.getByLabel("Repository").fill(repository.path);
      await dialog.getByRole("button", { name: "Register and build" }).click();
      await row("functions/mail").waitFor();
      await row("functions/mail").getByText("function.json: node").waitFor();
      expect(await folders.getByRole("listitem").count()).toBe(3);
      expect(await nameOf("functions/count").inputValue()).toBe("count");
      expect(await nameOf("functions/mail").inputValue()).toBe("mailer");
    });

    await step("a name that is taken, or cannot be one, is refused at its row", async () => {
      await nameOf("functions/count").fill("No Name");
      await row("functions/count").getByText("It begins with a lower-case letter.").waitFor();
      expect(await main.getByRole("button", { name: "Register all 3" }).isDisabled()).toBe(true);
      await nameOf("functions/count").fill("hello");
      await row("functions/count").getByRole("button", { name: "Register functions/count" }).click();
      await row("functions/count")
        .getByText(/`hello`/)
        .waitFor();
    });

    await step("register two together", async () => {
      await nameOf("functions/count").fill("counter");
      await row("functions/greet").getByRole("checkbox").uncheck();
      await main.getByRole("button", { name: "Register 2 selected" }).click();
      await row("functions/count").getByRole("link", { name: "counter", exact: true }).waitFor();
      await row("functions/mail").getByRole("link", { name: "mailer", exact: true }).waitFor();
      await nameOf("functions/greet").waitFor();
    });

    const call = (name: string) => async () => {
      const answer = await fetch(`${house.url}/function/${name}`, { headers: { authorization: "Bearer dev-token" } });
      return answer.text();
    };

    await step("start one of them, and call it", async () => {
      await row("functions/count").getByRole("link", { name: "counter", exact: true }).click();
      await main.getByRole("heading", { name: "counter" }).waitFor();
      await main.getByRole("button", { name: "Start", exact: true }).click();
      await expect.poll(call("counter"), { timeout: 60_000 }).toContain("Counted by count");
    });

    await step("whoever comes back finds what is registered, and by which name", async () => {
      await page.goto("/functions");
      await main.getByRole("link", { name: "shop", exact: true }).locator("visible=true").first().click();
      await row("functions/count").getByRole("link", { name: "counter", exact: true }).waitFor();
      await row("functions/mail").getByRole("link", { name: "mailer", exact: true }).waitFor();
    });

    await step("let the first one be the last folder, by the keyboard", async () => {
      await nameOf("functions/greet").focus();
      await page.keyboard.press("Tab");
      await page.keyboard.press("Tab");
      const use = row("functions/greet").getByRole("button", { name: "Use this folder" });
      expect(await use.evaluate((button) => button === document.activeElement)).toBe(true);
      await page.keyboard.press("Enter");
      await main.getByRole("link", { name: "version 1", exact: true }).first().waitFor();
      await folders.waitFor({ state: "detached" });
      await main.getByRole("button", { name: "Start", exact: true }).click();
      await expect.poll(call("shop"), { timeout: 60_000 }).toContain("Hello from greet");
    });
  },
  { timeout: 180_000 },
);
