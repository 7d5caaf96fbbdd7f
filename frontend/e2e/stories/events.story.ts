// Events: published, and whom they reached.

import { expect } from "vitest";
import { handler, manifest, Repository } from "../repository.ts";
import { story } from "../story.ts";

story(
  "an event is published, and it is seen whom it reached and what that made of it",
  async ({ house, page, step }) => {
    const repository = new Repository(house.folder, "thumbnails");
    repository.commit("shrink", {
      "function.json": manifest({
        triggers: [{ type: "event", pattern: "file.uploaded", filter: { "data.kind": "image" } }],
      }),
      "index.js": handler(`console.log("shrinking " + event.data.file);`),
    });
    await house.register("thumbnails", repository.path);
    const main = page.getByRole("main");
    const publish = async (data: unknown) => {
      await main.getByRole("button", { name: "Publish an event" }).first().click();
      const dialog = page.getByRole("dialog");
      await dialog.getByRole("textbox", { name: "Type" }).fill("file.uploaded");
      await dialog.getByRole("textbox", { name: "Data" }).fill(JSON.stringify(data));
      await dialog.getByRole("button", { name: "Publish", exact: true }).click();
    };
    const open = async () => {
      await page.getByRole("dialog").getByRole("link", { name: "Open it" }).click();
      await page.waitForURL(/\/events\/[0-9a-f-]+$/);
    };

    await step("publish one that fits", async () => {
      await page.goto("/events");
      await publish({ kind: "image", file: "cat.png" });
      await page.getByRole("dialog").getByText("It reached 1 of 2 functions").waitFor();
      await open();
      await main.getByRole("link", { name: "thumbnails" }).first().waitFor();
      await main.getByText("succeeded").first().waitFor();
      await main.getByText("cat.png").first().waitFor();
    });

    await step("one that no function waits for says so", async () => {
      await page.goto("/events");
      await publish({ kind: "text", file: "letter.txt" });
      await page
        .getByRole("dialog")
        .getByText(/filter/)
        .first()
        .waitFor();
      await open();
      await main.getByText("letter.txt").first().waitFor();
      expect(await main.getByText("succeeded").count()).toBe(0);
    });

    await step("what cannot be JSON cannot be published", async () => {
      await page.goto("/events?publish=yes");
      const dialog = page.getByRole("dialog");
      await dialog.getByRole("textbox", { name: "Data" }).fill("{ not json");
      await dialog.getByRole("alert").waitFor();
      expect(await dialog.getByRole("button", { name: "Publish", exact: true }).isDisabled()).toBe(true);
      await page.keyboard.press("Escape");
    });

    await step("an event of somebody else comes by itself", async () => {
      await page.goto("/events");
      await main.getByRole("link", { name: "file.uploaded" }).first().waitFor();
      await house.publish("order.placed", { total: 3 });
      await main.getByRole("link", { name: "order.placed" }).first().waitFor();
    });
  },
);
