// Who may call a function, from which pages and at which path: shown, and changed.

import { join } from "node:path";
import { expect } from "vitest";
import { PICTURES } from "../paths.ts";
import { handler, manifest, Repository } from "../repository.ts";
import { story } from "../story.ts";
import { tab } from "../words.ts";

story(
  "a function is opened to everybody, at a path of its own, and for pages of another origin",
  async ({ house, page, step }) => {
    const repository = new Repository(house.folder, "shop");
    repository.commit("open a shop", { "function.json": manifest(), "index.js": handler(`return "welcome";`) });
    const id = await house.register("shop", repository.path);
    const main = page.getByRole("main");
    const stranger = async (path: string) => (await fetch(new URL(path, house.url))).status;

    await step("nobody gets in without a token", async () => {
      await page.goto(`/functions/${id}`);
      await main.getByText("/function/shop").first().waitFor();
      expect(await main.getByText("Everybody may call it").count()).toBe(0);
      expect(await stranger("/function/shop")).toBe(401);
      expect(await stranger("/shop")).toBe(404);
    });

    await step("open it", async () => {
      await tab(page, "Settings");
      await main.getByLabel("Who may call it").first().click();
      await page.getByRole("option", { name: "everybody" }).click();
      await main.getByText("Whoever knows the address can call it").waitFor();
      await main.getByLabel("A path of its own").fill("/shop/*");
      await main.getByLabel("Pages of other origins that may call it").fill("https://www.example.com,");
      await main.getByLabel("Methods they may use").fill("GET");
      await page.screenshot({ path: join(PICTURES, "doors-settings.png"), fullPage: true });
      await page.getByRole("button", { name: "Review and save" }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Save and build" }).click();
    });

    await step("it is shown who may call, and where", async () => {
      await page.getByRole("dialog").waitFor({ state: "detached" });
      await page.goto(`/functions/${id}`);
      await main.getByText("Everybody may call it, without a token").first().waitFor();
      await main.getByText("Pages of https://www.example.com may call it: GET").first().waitFor();
      await main.getByText(`${house.url}/shop`, { exact: true }).first().waitFor();
      await page.screenshot({ path: join(PICTURES, "doors-overview.png"), fullPage: true });
    });

    await step("a stranger gets in, at both addresses", async () => {
      expect(await stranger("/function/shop")).toBe(200);
      expect(await stranger("/shop/anything")).toBe(200);
    });
  },
  { env: { EVENTFLOW_PUBLIC_FUNCTIONS: "default" } },
);
