// Every page with something on it, in both colours, wide and narrow: pictures for people to look at, and what can be
// checked without them: nothing scrolls sideways, nothing is broken, axe finds nothing serious.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { AxeResults } from "axe-core";
import { expect } from "vitest";
import { type House, until } from "../house.ts";
import { PICTURES } from "../paths.ts";
import { handler, manifest, Repository } from "../repository.ts";
import { story } from "../story.ts";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const WIDTHS = { wide: { width: 1280, height: 800 }, narrow: { width: 380, height: 780 } } as const;

interface Place {
  name: string;
  address: string;
  /** A text that is there when the page is. */
  shows: string | RegExp;
}

/** A house in which something has happened. */
async function furnish(house: House): Promise<Place[]> {
  const thumbnails = new Repository(house.folder, "thumbnails");
  const files = {
    "function.json": manifest({
      triggers: [
        { type: "http" },
        { type: "event", pattern: "file.uploaded", filter: { "data.kind": "image" } },
        { type: "schedule", cron: "*/5 * * * *", timezone: "Europe/Berlin" },
      ],
      env: { LEVEL: "info", SIZES: "64,128,256" },
      secrets: ["API_KEY"],
    }),
    "index.js": handler(`
      console.log("\\u001b[36mreading\\u001b[0m " + JSON.stringify(event.data));
      console.log(JSON.stringify({ level: "warn", msg: "no cache", took: 3 }));
      console.error("the disk is nearly full");
      return { shrunk: event.data && event.data.file, sizes: [64, 128, 256] };`),
    "package.json": `{ "name": "thumbnails", "private": true }\n`,
  };
  thumbnails.commit("Shrink pictures", files);
  await house.ask(
    'mutation { setSecret(namespace: "default", name: "API_KEY", value: "v") { userErrors { message } } }',
  );
  const id = await house.register("thumbnails", thumbnails.path);
  thumbnails.commit("Shrink them further", { "index.js": files["index.js"].replace("256]", "256, 512]") });
  const built = await house.ask<{ buildFunction: { build: { id: string } } }>(
    "mutation($id: ID!) { buildFunction(id: $id) { build { id } } }",
    { id },
  );
  await until("version 2 is there", async () => {
    const { function: of } = await house.ask<{ function: { currentVersion: { number: number } } }>(
      "query($id: ID!) { function(id: $id) { currentVersion { number } } }",
      { id },
    );
    return of.currentVersion.number === 2;
  });
  expect(built.buildFunction.build.id).toBeTruthy();

  const billing = new Repository(house.folder, "billing");
  billing.commit("Bill orders", {
    "function.json": manifest({ triggers: [{ type: "event", pattern: "order.*" }], retry: { max_attempts: 1 } }),
    "index.js": handler(
      `console.error("cannot reach the ledger"); throw new Error("the ledger at ledger.internal:5432 is closed");`,
    ),
  });
  await house.register("billing", billing.path);
  const broken = new Repository(house.folder, "broken");
  broken.commit("Half a manifest", { "function.json": `{ "runtime": "node", "handler": 7 }\n` });
  await house.fetch("/v1/functions", {
    name: "a-function-with-quite-a-long-name-that-was-never-built",
    source: { git: { url: broken.path } },
  });

  const many = new Repository(house.folder, "many");
  many.commit("Functions in folders", {
    "functions/a-folder-with-a-name-of-more-letters-than-a-narrow-page-has/index.js": handler("return 1;"),
    "functions/greet/index.js": handler("return 2;"),
    "functions/mail/function.json": manifest({ name: "mailer" }),
  });
  const { registerFunction } = await house.ask<{ registerFunction: { function: { id: string } } }>(
    "mutation($input: RegisterFunctionInput!) { registerFunction(input: $input) { function { id } } }",
    { input: { name: "many", source: { git: { url: many.path } } } },
  );
  const offering = registerFunction.function.id;
  await house.ask("mutation($id: ID!) { buildFunction(id: $id) { build { id } } }", { id: offering });

  await Promise.all(Array.from({ length: 8 }, (_, n) => house.call("thumbnails", { file: `cat-${n}.png` })));
  const event = await house.publish(
    "file.uploaded",
    { kind: "image", file: "cat.png" },
    { source: "/uploads", subject: "cat.png" },
  );
  await house.publish("order.placed", { total: 12.5, currency: "EUR" });
  await house.publish("order.cancelled", { total: 3 });
  const dead = await until("two runs are dead", async () => {
    const { deadLetters } = await house.ask<{ deadLetters: { nodes: { id: string }[] } }>(
      "{ deadLetters { nodes { id } } }",
    );
    return deadLetters.nodes.length === 2 && deadLetters.nodes[0]?.id;
  });
  const run = await until("the event's run is over", async () => {
    const { event: of } = await house.ask<{ event: { runs: { nodes: { id: string; state: string }[] } } }>(
      "query($id: ID!) { event(id: $id) { runs { nodes { id state } } } }",
      { id: event },
    );
    return of.runs.nodes.find(({ state }) => state === "SUCCEEDED")?.id;
  });
  const of = `/functions/${id}`;
  return [
    { name: "functions", address: "/functions", shows: "thumbnails" },
    { name: "functions-filtered", address: "/functions?failed=yes", shows: "build failed" },
    { name: "functions-none", address: "/functions?q=nothing&trigger=WEBHOOK", shows: "No function matches" },
    { name: "register-git", address: "/functions?register=git", shows: "Repository" },
    { name: "register-write", address: "/functions?register=write", shows: "Register and build" },
    { name: "register-upload", address: "/functions?register=upload", shows: "Register and build" },
    { name: "register-image", address: "/functions?register=image", shows: "Health path" },
    { name: "function", address: of, shows: "v2" },
    { name: "function-offers", address: `/functions/${offering}/builds`, shows: "Folders that can be functions" },
    { name: "function-invoke", address: `${of}/invoke`, shows: "Payload" },
    { name: "function-runs", address: `${of}/runs`, shows: "succeeded" },
    { name: "function-logs", address: `${of}/logs`, shows: "reading" },
    { name: "function-builds", address: `${of}/builds`, shows: "version 2" },
    { name: "function-versions", address: `${of}/versions`, shows: "v1" },
    { name: "function-metrics", address: `${of}/metrics`, shows: "Calls" },
    { name: "function-settings", address: `${of}/settings`, shows: "Add a trigger" },
    { name: "function-secrets", address: `${of}/settings?part=variables`, shows: "API_KEY" },
    { name: "function-limits", address: `${of}/settings?part=limits`, shows: "Memory" },
    { name: "function-danger", address: `${of}/settings?part=danger`, shows: "Deregister" },
    { name: "function-history", address: `${of}/history`, shows: "Registered" },
    { name: "runs", address: "/runs", shows: "thumbnails" },
    { name: "runs-of-event", address: `/runs?event=${event}`, shows: "of the event" },
    { name: "run", address: `/runs/${run}`, shows: "succeeded" },
    { name: "run-dead", address: `/runs/${dead}`, shows: "is closed" },
    { name: "events", address: "/events", shows: "file.uploaded" },
    { name: "events-publish", address: "/events?publish=yes", shows: "Data" },
    { name: "event", address: `/events/${event}`, shows: "It reached 1 of" },
    { name: "dead-letters", address: "/dead-letters", shows: "is closed" },
    { name: "system", address: "/system", shows: "SQLite" },
    { name: "nowhere", address: "/system/nothing", shows: "nothing at this address" },
  ];
}

/** What axe finds on the page that is serious, in words. */
async function faults(page: import("playwright-core").Page): Promise<string[]> {
  if (!(await page.evaluate(() => "axe" in window))) await page.evaluate(AXE);
  const results = await page.evaluate(async () => {
    const { axe } = window as unknown as { axe: { run: (options: unknown) => Promise<AxeResults> } };
    return axe.run({ resultTypes: ["violations"] });
  });
  return results.violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(
      ({ id, help, nodes }) =>
        `${id}: ${help}\n${nodes
          .slice(0, 3)
          .map(
            (node) =>
              `      ${node.html.slice(0, 240)}\n      ${(node.failureSummary ?? "").replaceAll("\n", " ").slice(0, 240)}`,
          )
          .join("\n")}`,
    );
}

for (const scheme of ["light", "dark"] as const) {
  story(
    `every page can be seen and used by everybody, wide and narrow (${scheme})`,
    async ({ house, page, step }) => {
      const places = await furnish(house);
      const found: string[] = [];
      for (const { name, address, shows } of places) {
        await step(name, async () => {
          for (const [width, size] of Object.entries(WIDTHS)) {
            await page.setViewportSize(size);
            await page.goto(address);
            await page.getByText(shows).locator("visible=true").first().waitFor();
            // Nothing that is still on its way.
            await page.getByRole("status", { name: "Loading" }).first().waitFor({ state: "detached" });
            await page.evaluate(() =>
              Promise.all(
                document
                  .getAnimations()
                  .filter((one) => one.effect?.getComputedTiming().iterations !== Infinity)
                  .map((one) => one.finished.catch(() => {})),
              ),
            );
            const where = `${name}, ${width}`;
            await page.screenshot({ path: join(PICTURES, `${name}-${width}-${scheme}.png`), fullPage: true });
            const over = await page.evaluate(
              () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
            );
            if (over > 0) found.push(`${where}: scrolls sideways by ${over} px`);
            if ((await page.getByText(/could not be (loaded|asked)|This page broke/).count()) > 0)
              found.push(`${where}: is broken`);
            for (const fault of await faults(page)) found.push(`${where}: ${fault}`);
          }
        });
      }
      expect(found.join("\n"), found.join("\n")).toBe("");
    },
    { browser: { colorScheme: scheme }, timeout: 480_000 },
  );

  story(
    `the way in and an empty house can be seen and used by everybody (${scheme})`,
    async ({ page, step }) => {
      const found: string[] = [];
      const look = async (name: string) => {
        for (const [width, size] of Object.entries(WIDTHS)) {
          await page.setViewportSize(size);
          await page.screenshot({ path: join(PICTURES, `${name}-${width}-${scheme}.png`), fullPage: true });
          const over = await page.evaluate(
            () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
          );
          if (over > 0) found.push(`${name}, ${width}: scrolls sideways by ${over} px`);
          for (const fault of await faults(page)) found.push(`${name}, ${width}: ${fault}`);
        }
      };
      await step("the way in", async () => {
        await page.goto("/");
        await page.getByRole("button", { name: "Sign in as admin" }).waitFor();
        await look("sign-in");
        await page.getByRole("button", { name: "Sign in as admin" }).click();
        await page
          .getByRole("main")
          .getByRole("link", { name: "hello", exact: true })
          .locator("visible=true")
          .waitFor();
      });
      await step("no events", async () => {
        await page.goto("/events");
        await page.getByText("No events yet").waitFor();
        await look("events-empty");
      });
      await step("the palette", async () => {
        await page.setViewportSize(WIDTHS.wide);
        await page.keyboard.press("Control+k");
        await page.getByRole("dialog").getByRole("textbox").waitFor();
        await look("palette");
        await page.keyboard.press("Escape");
      });
      await step("the help", async () => {
        await page.getByRole("dialog").waitFor({ state: "detached" });
        await page.keyboard.press("?");
        await page.getByRole("dialog", { name: "Keyboard shortcuts" }).waitFor();
        await look("help");
      });
      expect(found.join("\n"), found.join("\n")).toBe("");
    },
    { signedOut: true, browser: { colorScheme: scheme } },
  );
}
