// Runs that nobody could finish: why, and tried again once the fault is mended.

import { expect } from "vitest";
import { handler, manifest, Repository } from "../repository.ts";
import { story } from "../story.ts";

story("a dead letter says why, and is redriven once the fault is mended", async ({ house, page, step }) => {
  const files = {
    "function.json": manifest({
      triggers: [{ type: "event", pattern: "order.placed" }],
      retry: { max_attempts: 1 },
    }),
  };
  const repository = new Repository(house.folder, "billing");
  repository.commit("bill", { ...files, "index.js": handler(`throw new Error("the ledger is closed");`) });
  const id = await house.register("billing", repository.path);
  const main = page.getByRole("main");

  await step("they come by themselves, with their reason", async () => {
    await page.goto("/dead-letters");
    await main.getByText("No dead letters").waitFor();
    await house.publish("order.placed", { total: 3 });
    await house.publish("order.placed", { total: 4 });
    await main.getByText("the ledger is closed").first().waitFor();
    await main.getByText("the ledger is closed").nth(1).waitFor();
  });

  await step("the fault is mended", async () => {
    repository.commit("open the ledger", { "index.js": handler(`return { billed: event.data.total };`) });
    await page.goto(`/functions/${id}/builds`);
    await main.getByRole("button", { name: "Build again" }).click();
    await main.getByRole("link", { name: "version 2", exact: true }).first().waitFor();
  });

  await step("all are tried again, after seeing how many", async () => {
    await page.goto("/dead-letters");
    await main.getByRole("button", { name: "Redrive all 2" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText(/\b2\b/).first().waitFor();
    await dialog.getByRole("button", { name: /^Redrive/ }).click();
    await main.getByText("No dead letters").waitFor();
  });

  await step("they succeeded", async () => {
    await page.goto(`/functions/${id}/runs?state=SUCCEEDED`);
    const succeeded = main.getByRole("row").filter({ hasText: "succeeded" });
    await succeeded.nth(1).waitFor();
    expect(await succeeded.count()).toBe(2);
  });
});
