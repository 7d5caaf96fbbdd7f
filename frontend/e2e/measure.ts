// What people wait for. One page, one server, one machine: the clock of the function, the server and the page is the same.

import { cpus, loadavg } from "node:os";
import type { Page } from "playwright-core";
import { test } from "vitest";
import { House, until } from "./house.ts";
import { handler, manifest, Repository } from "./repository.ts";
import { openBrowser, Visitor } from "./visitor.ts";

/** Updates a second, and for how long, in seconds. */
const RATE = 20;
const SECONDS = 6;
/** Lines of the long log. */
const LINES = 100_000;

function percentile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}

const spread = (values: readonly number[]) =>
  `p50 ${percentile(values, 0.5).toFixed(1)} ms, p95 ${percentile(values, 0.95).toFixed(1)} ms, most ${Math.max(...values).toFixed(1)} ms (${values.length})`;

/** Bytes on the wire until the page is quiet, of scripts, styles and the page itself. */
async function transferred(page: Page, address: string): Promise<{ bytes: number; files: number }> {
  const session = await page.context().newCDPSession(page);
  await session.send("Network.enable");
  await session.send("Network.setCacheDisabled", { cacheDisabled: true });
  const kinds = new Map<string, string>();
  let bytes = 0;
  let files = 0;
  session.on("Network.responseReceived", ({ requestId, type }) => kinds.set(requestId, type));
  session.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
    if (!["Document", "Script", "Stylesheet"].includes(kinds.get(requestId) ?? "")) return;
    bytes += encodedDataLength;
    files += 1;
  });
  await page.goto(address, { waitUntil: "networkidle" });
  await session.detach();
  return { bytes, files };
}

/** Notes when texts that match are painted for the first time: what the frame after the change of the page began with. */
async function watch(page: Page, selector: string, pattern: string, attribute: string | null) {
  await page.evaluate(
    ([where, of, name]) => {
      const seen = new Map<string, number>();
      (window as unknown as { seen: Map<string, number> }).seen = seen;
      const look = () => {
        const found: string[] = [];
        const expression = new RegExp(of as string, "g");
        for (const element of document.querySelectorAll(where as string)) {
          const text = name ? (element.getAttribute(name) ?? "") : (element.textContent ?? "");
          for (const [match] of text.matchAll(expression)) if (!seen.has(match)) found.push(match);
        }
        if (found.length === 0) return;
        for (const one of found) seen.set(one, Number.NaN);
        // The callback runs before the frame is painted, the task after it when it was.
        requestAnimationFrame(() => {
          const channel = new MessageChannel();
          channel.port1.onmessage = () => {
            for (const one of found) seen.set(one, Date.now());
          };
          channel.port2.postMessage(null);
        });
      };
      look();
      new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true });
    },
    [selector, pattern, attribute] as const,
  );
}

const painted = async (page: Page) =>
  new Map(await page.evaluate(() => [...(window as unknown as { seen: Map<string, number> }).seen]));

test("what people wait for", async () => {
  const before = loadavg()[0] ?? 0;
  const rows: [what: string, value: string, aim: string][] = [];
  const house = await House.open();
  const browser = await openBrowser();
  try {
    const repository = new Repository(house.folder, "writer");
    repository.commit("write", {
      "function.json": manifest({ resources: { timeout_s: 60 } }),
      "index.js": handler(`
        const { many, rate, seconds } = event.data;
        if (many) {
          for (let from = 0; from < many; from += 500) {
            let text = "";
            for (let n = from; n < from + 500; n++) text += "line " + n + " \\u001b[32mof many\\u001b[0m that stand in a log and say what happens\\n";
            await new Promise((done) => process.stdout.write(text, done));
            await new Promise((done) => setTimeout(done, 5));
          }
        } else if (rate) {
          for (let n = 0; n < rate * seconds; n++) {
            console.log("written=" + Date.now() + "/" + n + ";");
            await new Promise((done) => setTimeout(done, 1000 / rate));
          }
        }
        return null;`),
    });
    const id = await house.register("writer", repository.path);
    await house.call("writer", {});

    const stranger = await Visitor.come(browser, house.url);
    const wayIn = await transferred(stranger.page, "/sign-in");
    await stranger.leave();
    const visitor = await Visitor.come(browser, house.url);
    await visitor.isSignedIn();
    const { page } = visitor;
    const first = await transferred(page, "/functions");
    rows.push([
      "the way in, with its own code",
      `${(wayIn.bytes / 1000).toFixed(0)} kB in ${wayIn.files} files`,
      "≤ 250 kB before pages split off (npm run weigh)",
    ]);
    rows.push([
      "the list of functions, with its own code",
      `${(first.bytes / 1000).toFixed(0)} kB in ${first.files} files`,
      "",
    ]);

    // Lines, on the page of a function's log.
    await page.goto(`/functions/${id}/logs`);
    await page.getByRole("log").waitFor();
    await watch(page, "[role=log]", "written=\\d+/\\d+;", null);
    await house.call("writer", { rate: RATE, seconds: SECONDS });
    await page
      .getByRole("log")
      .getByText(`/${RATE * SECONDS - 1};`)
      .waitFor();
    const lines = await until("the last line is painted", async () => {
      const all = await painted(page);
      return [...all.values()].every((at) => !Number.isNaN(at)) && all.size === RATE * SECONDS ? all : undefined;
    });
    const delays = [...lines].map(([text, at]) => at - Number(/=(\d+)/.exec(text)?.[1]));
    rows.push([`line written by the function → pixel, ${RATE} a second`, spread(delays), "p95 ≤ 100 ms"]);

    // Runs, on the page of all runs.
    const arrived = new Map<string, number>();
    page.on("websocket", (socket) =>
      socket.on("framereceived", ({ payload }) => {
        for (const [run] of String(payload).matchAll(/[0-9a-f-]{36}/g))
          if (!arrived.has(run)) arrived.set(run, Date.now());
      }),
    );
    await page.goto("/runs");
    await page.locator("main a[href^='/runs/']").first().waitFor();
    await watch(page, "main a[href^='/runs/']", "[0-9a-f-]{36}", "href");
    const told = new Map<string, number>();
    const calls: Promise<unknown>[] = [];
    const begun = performance.now();
    for (let n = 0; n < RATE * SECONDS; n++) {
      const wait = begun + (n * 1000) / RATE - performance.now();
      if (wait > 0) await new Promise((done) => setTimeout(done, wait));
      calls.push(
        house.fetch("/async-function/writer", {}).then(async (answer) => {
          const run = answer.headers.get("x-call-id");
          if (run) told.set(run, Date.now());
          await answer.arrayBuffer();
        }),
      );
    }
    await Promise.all(calls);
    const last = [...told].at(-1)?.[0] ?? "";
    await until("the last run is painted", async () => (await painted(page)).get(last));
    const runs = await painted(page);
    const waits = [...told].flatMap(([run, at]) => {
      const shown = runs.get(run);
      return shown === undefined || Number.isNaN(shown) ? [] : [shown - at];
    });
    const travels = [...told].flatMap(([run, at]) => (arrived.has(run) ? [(arrived.get(run) ?? 0) - at] : []));
    rows.push(["of that, until the browser gets it", spread(travels), ""]);
    rows.push([`run accepted → its row's pixel, ${RATE} a second`, spread(waits), "p95 ≤ 100 ms"]);
    rows.push(["runs never seen on the first page", String(told.size - waits.length), ""]);

    // A long log.
    await page.goto(`/functions/${id}/logs`);
    await page.getByRole("log").waitFor();
    await house.call("writer", { many: LINES });
    await page
      .getByRole("log")
      .getByText(`line ${LINES - 1} `)
      .first()
      .waitFor();
    const height = await page.getByRole("log").evaluate((box) => {
      const found = [box, ...box.querySelectorAll("*")].find((one) => one.scrollHeight > one.clientHeight + 1_000);
      found?.setAttribute("data-scrolled", "");
      return found?.scrollHeight ?? 0;
    });
    const frames = await page.locator("[data-scrolled]").evaluate(
      (box) =>
        new Promise<number[]>((done) => {
          const times: number[] = [];
          let then = performance.now();
          const end = then + 5_000;
          let step = -900;
          const frame = (now: number) => {
            times.push(now - then);
            then = now;
            if (box.scrollTop <= 0) step = 900;
            box.scrollTop += step;
            if (now < end) requestAnimationFrame(frame);
            else done(times.slice(2));
          };
          requestAnimationFrame(frame);
        }),
    );
    rows.push([
      `frames while a log of ${Math.round(height / 18).toLocaleString("en")} lines scrolls by 50 lines a frame`,
      spread(frames),
      "p95 ≤ 16.7 ms",
    ]);
    visitor.unharmed();
  } finally {
    await browser.close();
    await house.close();
  }
  const after = loadavg()[0] ?? 0;
  const table = rows.map((row) => `| ${row.join(" | ")} |`);
  console.log(`\n${cpus().length} CPUs, load ${before.toFixed(1)} before and ${after.toFixed(1)} after\n`);
  console.log(["| what | measured | aim |", "| --- | --- | --- |", ...table].join("\n"));
});
