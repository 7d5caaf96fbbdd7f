// Every address leads somewhere, by itself, and says what the page shows.

import { expect } from "vitest";
import { handler, manifest, Repository } from "../repository.ts";
import { story } from "../story.ts";

const NOBODY = "00000000-0000-0000-0000-000000000000";

story("every address can be opened by itself, and an unknown one says so", async ({ house, page, step }) => {
  const repository = new Repository(house.folder, "greeter");
  repository.commit("greet", {
    "function.json": manifest({ triggers: [{ type: "http" }, { type: "event", pattern: "greet.*" }] }),
    "index.js": handler(`return { greeting: "Hello, " + event.data.name };`),
  });
  const id = await house.register("greeter", repository.path);
  const event = await house.publish("greet.somebody", { name: "Ada" });
  const { invokeFunction } = await house.ask<{ invokeFunction: { run: { id: string } } }>(
    "mutation($id: ID!, $payload: JSON) { invokeFunction(id: $id, payload: $payload, wait: true) { run { id } } }",
    { id, payload: { name: "Ada" } },
  );
  const run = invokeFunction.run.id;
  const main = page.getByRole("main");

  const at: [address: string, title: RegExp, shows: string][] = [
    ["/", /^Functions/, "greeter"],
    ["/functions", /^Functions/, "greeter"],
    [`/functions/${id}`, /greeter/, "greeter"],
    [`/functions/${id}/invoke`, /greeter/, "Payload"],
    [`/functions/${id}/runs`, /greeter/, "succeeded"],
    [`/functions/${id}/logs`, /greeter/, "greeter"],
    [`/functions/${id}/builds`, /greeter/, "version 1"],
    [`/functions/${id}/versions`, /greeter/, "v1"],
    [`/functions/${id}/settings`, /greeter/, "Add a trigger"],
    [`/functions/${id}/history`, /greeter/, "Registered"],
    ["/runs", /^Runs/, "greeter"],
    [`/runs/${run}`, /^Run /, "Hello, Ada"],
    ["/events", /^Events/, "greet.somebody"],
    [`/events/${event}`, /greet\.somebody/, "Ada"],
    ["/dead-letters", /^Dead letters/, "No dead letters"],
    ["/system", /^System/, "SQLite"],
  ];
  for (const [address, title, shows] of at) {
    await step(address, async () => {
      await page.goto(address);
      await main.getByText(shows, { exact: false }).locator("visible=true").first().waitFor();
      expect(await page.title()).toMatch(title);
    });
  }

  const nowhere: [address: string, says: string][] = [
    [`/functions/${NOBODY}`, "no such function"],
    [`/functions/${NOBODY}/logs`, "no such function"],
    ["/functions/not-an-id", "nothing at this address"],
    [`/functions/${id}/no-such-tab`, "nothing at this address"],
    [`/runs/${NOBODY}`, "no such run"],
    ["/runs/not-an-id", "nothing at this address"],
    [`/events/${NOBODY}`, "no such event"],
    ["/events/not-an-id", "nothing at this address"],
    ["/system/nothing", "nothing at this address"],
  ];
  for (const [address, says] of nowhere) {
    await step(address, async () => {
      await page.goto(address);
      await page.getByText(says).first().waitFor();
      await page.getByRole("main").getByRole("link").first().waitFor();
    });
  }

  await step("a call of a function that is not there is no page", async () => {
    const answer = await page.request.get("/function/nobody");
    expect(answer.status()).toBe(404);
    expect(answer.headers()["content-type"]).toContain("json");
  });
});

story("a page's state is in its address, and comes back with it", async ({ house, page, step }) => {
  const main = page.getByRole("main");
  const repository = new Repository(house.folder, "other");
  repository.commit("other", { "function.json": manifest(), "index.js": handler("return null;") });
  const id = await house.register("other", repository.path);

  await step("a search of functions", async () => {
    await page.goto("/functions");
    await main.getByRole("link", { name: "other", exact: true }).first().waitFor();
    await main.getByRole("textbox", { name: "Search functions" }).fill("hel");
    await page.waitForURL(/q=hel/);
    await page.reload();
    await main.getByRole("link", { name: "hello", exact: true }).first().waitFor();
    expect(await main.getByRole("textbox", { name: "Search functions" }).inputValue()).toBe("hel");
    expect(await main.getByRole("link", { name: "other", exact: true }).count()).toBe(0);
  });

  await step("a dialog", async () => {
    await page.goto("/functions");
    await main.getByRole("button", { name: "Register" }).click();
    await page.waitForURL(/register=git/);
    await page.reload();
    await page.getByRole("dialog").getByLabel("Repository").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    expect(page.url()).not.toContain("register");
  });

  await step("a search of lines", async () => {
    await house.call("other", null);
    await page.goto(`/functions/${id}/logs?q=nothing-like-this`);
    expect(
      await main
        .getByRole("textbox", { name: /search/i })
        .first()
        .inputValue(),
    ).toBe("nothing-like-this");
  });

  await step("back and forth", async () => {
    await page.goto("/functions");
    await main.getByRole("link", { name: "other", exact: true }).first().click();
    await page.waitForURL(new RegExp(id));
    await page.getByRole("tab", { name: "Versions" }).click();
    await page.waitForURL(/versions$/);
    await page.goBack();
    await page.waitForURL(new RegExp(`${id}$`));
    await page.goBack();
    await page.waitForURL(/functions$/);
    await main.getByRole("link", { name: "hello", exact: true }).first().waitFor();
  });
});
