// A secret: asked for, set, used, and never seen again.

import { expect } from "vitest";
import { handler, manifest, Repository } from "../repository.ts";
import { story } from "../story.ts";
import { invoke, result, tab } from "../words.ts";

const SECRET = "open-sesame-4711";

story("a missing secret is reported, set, used, and never shown", async ({ house, page, step }) => {
  const repository = new Repository(house.folder, "vaulted");
  repository.commit("use a key", {
    "function.json": manifest({ secrets: ["API_KEY"] }),
    "index.js": handler(`return { long: (process.env.API_KEY || "").length };`),
  });
  const id = await house.register("vaulted", repository.path);
  const main = page.getByRole("main");
  const answers: Promise<string>[] = [];
  page.on("response", (response) => {
    if (response.url().endsWith("/graphql")) answers.push(response.text().catch(() => ""));
  });
  const frames: string[] = [];
  page.on("websocket", (socket) => socket.on("framereceived", ({ payload }) => frames.push(String(payload))));

  await step("it is reported that it is missing, and where", async () => {
    await page.goto(`/functions/${id}`);
    await main.getByText("without the secret API_KEY").first().waitFor();
    await tab(page, "Settings");
    await tab(page, "Variables and secrets");
    await main.getByText("not set").first().waitFor();
  });

  await step("set it", async () => {
    await main.getByRole("button", { name: "Set API_KEY" }).first().click();
    const dialog = page.getByRole("dialog");
    const value = dialog.getByLabel("Value").first();
    expect(await value.getAttribute("type")).toBe("password");
    await value.fill(SECRET);
    await dialog.getByRole("button", { name: "Set", exact: true }).click();
    await dialog.waitFor({ state: "detached" });
    await main.getByRole("button", { name: "Replace API_KEY" }).first().waitFor();
  });

  await step("the function has it", async () => {
    await tab(page, "Invoke");
    await invoke(page, null);
    await result(page).getByText(String(SECRET.length)).first().waitFor();
  });

  await step("nobody sees it again", async () => {
    await tab(page, "History");
    await main.getByText("Started").first().waitFor();
    await page.goto(`/functions/${id}/settings?part=variables`);
    await main.getByRole("button", { name: "Replace API_KEY" }).first().waitFor();
    expect(await page.content()).not.toContain(SECRET);
    const told = [...(await Promise.all(answers)), ...frames];
    expect(told.length).toBeGreaterThan(3);
    expect(told.filter((text) => text.includes(SECRET))).toEqual([]);
  });
});
