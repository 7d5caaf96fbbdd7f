// The story that a newcomer lives through, in a real browser, with a real server:
//
//   E2E_SERVER=../target/debug/eventflow node e2e/story.mjs
//
// starts that server with --dev on an empty data folder, and the built pages (`npm run build`) before it. Writes
// pictures to e2e/pictures/ (or $E2E_PICTURES). $CHROMIUM is the browser, /usr/bin/chromium unless said otherwise.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { preview } from "vite";

const folder = fileURLToPath(new URL("..", import.meta.url));
const binary = process.env.E2E_SERVER ?? join(folder, "../target/debug/eventflow");
const pictures = process.env.E2E_PICTURES ?? join(folder, "e2e/pictures");
const work = mkdtempSync(join(tmpdir(), "eventflow-e2e-"));
mkdirSync(pictures, { recursive: true });

/** How long anything may take, in milliseconds. */
const PATIENCE = 20_000;
/** Text that would do harm if it were taken for anything but text. */
const HOSTILE = `<img src=x onerror="document.title='broken in'">`;

const cleaning = [];
const port = () =>
  new Promise((done) => {
    const taken = createServer().listen(0, "127.0.0.1", () => {
      const { port: free } = taken.address();
      taken.close(() => done(free));
    });
  });

const apiPort = await port();
let server;
async function start() {
  server = spawn(binary, ["serve", "--dev", "--port", String(apiPort)], {
    env: { ...process.env, EVENTFLOW_DATA_DIR: join(work, "data") },
    stdio: ["ignore", "ignore", "ignore"],
  });
  const deadline = Date.now() + PATIENCE;
  for (;;) {
    const ready = await fetch(`http://127.0.0.1:${apiPort}/readyz`).then(
      (answer) => answer.ok,
      () => false,
    );
    if (ready) return;
    if (Date.now() > deadline) throw new Error(`${binary} did not become ready`);
    await new Promise((done) => setTimeout(done, 100));
  }
}
async function kill() {
  const gone = new Promise((done) => server.once("exit", done));
  server.kill("SIGKILL");
  await gone;
}

/** A repository whose second commit fails when it is called. */
function repository() {
  const path = join(work, "greeter");
  mkdirSync(path);
  const git = (...words) =>
    execFileSync("git", ["-C", path, "-c", "user.name=e2e", "-c", "user.email=e2e@example.com", ...words], {
      stdio: "pipe",
    });
  const write = (body) => writeFileSync(join(path, "index.js"), `exports.handler = async (event) => {\n${body}\n};\n`);
  writeFileSync(
    join(path, "function.json"),
    JSON.stringify({
      name: "greeter",
      runtime: "node",
      mode: "service",
      handler: "index.handler",
      triggers: [{ type: "http" }],
    }),
  );
  execFileSync("git", ["init", "-q", "-b", "main", path]);
  write(
    `  console.log("\\u001b[32mgreeting\\u001b[0m", event.data.name, ${JSON.stringify(HOSTILE)});\n  return { greeting: "Hello, " + event.data.name };`,
  );
  git("add", ".");
  git("commit", "-qm", "greet");
  return {
    path,
    breakIt() {
      write(`  throw new Error("no greetings today");`);
      git("commit", "-qam", "stop greeting");
    },
  };
}

async function main() {
  await start();
  cleaning.push(kill);
  process.env.EVENTFLOW_URL = `http://127.0.0.1:${apiPort}`;
  const pages = await preview({
    root: folder,
    preview: { port: await port(), host: "127.0.0.1", strictPort: true },
    logLevel: "error",
  });
  cleaning.push(() => pages.close());
  const base = pages.resolvedUrls.local[0].replace(/\/$/, "");
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });
  cleaning.push(() => browser.close());
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, colorScheme: "light" });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  const broken = [];
  const strangers = [];
  page.on("pageerror", (error) => broken.push(error.message));
  page.on("request", (request) => {
    const { hostname } = new URL(request.url());
    if (hostname !== "127.0.0.1" && hostname !== "") strangers.push(request.url());
  });
  const step = async (name, act) => {
    const begun = Date.now();
    await act().catch(async (error) => {
      await page.screenshot({ path: join(pictures, "failed.png") }).catch(() => {});
      throw error;
    });
    await page.screenshot({ path: join(pictures, `${name.replaceAll(" ", "-")}.png`) });
    console.log(`ok  ${name} (${Date.now() - begun} ms)`);
  };
  const main_ = page.locator("main");
  const result = main_.locator(".mantine-Card-root", { hasText: "Result" });
  const call = async (name) => {
    await main_.getByRole("textbox", { name: "Payload" }).fill(JSON.stringify({ name }));
    await main_.getByRole("button", { name: "Invoke", exact: true }).click();
  };
  const repo = repository();

  await step("sign in", async () => {
    await page.goto(`${base}/functions`);
    await page.getByLabel("Password").first().fill("wrong");
    await page.getByRole("button", { name: "Sign in", exact: true }).click();
    await page.getByRole("alert").getByText("wrong").waitFor();
    await page.getByRole("button", { name: "Sign in as admin" }).click();
    await page.getByRole("link", { name: "hello" }).first().waitFor();
  });

  await step("register from Git and watch the build", async () => {
    await page.getByRole("button", { name: "Register" }).click();
    await page.getByLabel("Repository").fill(repo.path);
    assert.equal(await page.getByLabel("Name").inputValue(), "greeter");
    await page.getByRole("button", { name: "Register and build" }).click();
    await page.getByText("It made version 1.").waitFor();
    await page.getByRole("log").getByText("Built").first().waitFor();
  });

  await step("start it", async () => {
    const startButton = main_.getByRole("button", { name: "Start", exact: true });
    if (await startButton.isVisible()) await startButton.click();
    await main_.getByText("running").first().waitFor();
  });

  await step("call it and see the result and its lines", async () => {
    await page.getByRole("tab", { name: "Invoke" }).click();
    await call("Ada");
    await result.getByText("Hello, Ada").waitFor();
    await result.getByRole("log").getByText(HOSTILE).waitFor();
  });

  await step("see the run", async () => {
    await page.getByRole("link", { name: "Open the run" }).click();
    await page.getByText("attempt 1, v1 · succeeded").waitFor();
    await page.getByRole("log").getByText("greeting").waitFor();
  });

  await step("a broken version says why", async () => {
    repo.breakIt();
    await page.getByRole("link", { name: "greeter" }).first().click();
    await page.getByRole("tab", { name: "Builds" }).click();
    await page.getByRole("button", { name: "Build anew" }).click();
    await page.getByText("It made version 2.").waitFor();
    await main_.getByText("node · v2").waitFor();
    await page.getByRole("tab", { name: "Invoke" }).click();
    await call("Ada");
    await result.getByText("no greetings today").first().waitFor();
  });

  await step("roll back with a reason", async () => {
    await page.getByRole("tab", { name: "Versions" }).click();
    await page.getByRole("button", { name: "Roll back to this" }).click();
    await page.getByLabel("Reason").fill("version 2 greets nobody");
    await page.getByRole("button", { name: "Roll back", exact: true }).click();
    await main_.getByText("node · v1").waitFor();
    await page.getByRole("tab", { name: "Invoke" }).click();
    await call("Bob");
    await result.getByText("Hello, Bob").waitFor();
  });

  await step("the past can be looked at", async () => {
    await page.getByRole("tab", { name: "History" }).click();
    await page.getByText("version 2 greets nobody").first().waitFor();
    await page.getByRole("button", { name: "Build made version 1" }).first().click();
    await page.waitForURL(/history\?at=\d+/);
    await main_.getByText("As it was", { exact: true }).waitFor();
  });

  await step("stop and start", async () => {
    await main_.getByRole("button", { name: "Stop", exact: true }).click();
    await main_.getByText("stopped").first().waitFor();
    await main_.getByRole("button", { name: "Start", exact: true }).click();
    await main_.getByRole("button", { name: "Stop", exact: true }).waitFor();
  });

  await step("a killed server is noticed", async () => {
    await page.getByRole("tab", { name: "Logs" }).click();
    await page.getByRole("log").getByText("Bob").first().waitFor();
    await kill();
    await page.getByText("Connection lost").waitFor();
  });

  await step("the connection heals and no line is missed", async () => {
    await start();
    await page.getByText("Connection lost").waitFor({ state: "detached" });
    const deadline = Date.now() + PATIENCE;
    for (;;) {
      const answer = await fetch(`http://127.0.0.1:${apiPort}/function/greeter`, {
        method: "POST",
        headers: { authorization: "Bearer dev-token", "content-type": "application/json" },
        body: '{"name":"Carol"}',
      });
      if (answer.ok) break;
      if (Date.now() > deadline) throw new Error(`greeter answers ${answer.status}`);
      await new Promise((done) => setTimeout(done, 200));
    }
    await page.getByRole("log").getByText("Carol").first().waitFor();
    // Known lines are not told a second time.
    assert.equal(await page.getByRole("log").getByText("Bob").count(), 1);
  });

  await step("write one in the browser", async () => {
    await page.goto(`${base}/functions?register=write`);
    await page.getByLabel("Name").fill("written");
    await page.getByRole("button", { name: "Register and build" }).click();
    await page.getByText("It made version 1.").waitFor();
    await main_.getByRole("button", { name: "Start", exact: true }).click();
    await page.getByRole("tab", { name: "Invoke" }).click();
    await main_.getByRole("button", { name: "Stop", exact: true }).waitFor();
    await call("Dora");
    await result.getByText("Hello, Dora!").waitFor();
  });

  await step("publish an event and see what it started", async () => {
    await page.goto(`${base}/events?publish=yes`);
    await page.getByRole("dialog").getByRole("button", { name: "Publish", exact: true }).click();
    await page.waitForURL(/events\/[0-9a-f-]+$/);
    await main_.getByRole("link", { name: "written" }).first().waitFor();
    await main_.getByText("succeeded").first().waitFor();
  });

  await step("go anywhere by typing", async () => {
    await page.keyboard.press("Control+k");
    await page
      .getByRole("searchbox", { name: "Search" })
      .or(page.getByPlaceholder("A function, a page"))
      .first()
      .fill("dead");
    await page.keyboard.press("Enter");
    await page.waitForURL(/dead-letters/);
    await page.getByText("No dead letters").waitFor();
  });

  await step("sign out", async () => {
    await page.getByRole("button", { name: /^Signed in as/ }).click();
    await page.getByRole("menuitem", { name: "Sign out" }).click();
    await page.getByRole("button", { name: "Sign in", exact: true }).waitFor();
    await page.goto(`${base}/functions`);
    await page.getByRole("button", { name: "Sign in", exact: true }).waitFor();
  });

  assert.deepEqual(broken, [], "the pages threw");
  assert.deepEqual(strangers, [], "a request left for another host");
  assert.doesNotMatch(await page.title(), /broken in/, "hostile text was not text");
}

let failed = false;
try {
  await main();
} catch (error) {
  failed = true;
  console.error(error);
} finally {
  for (const clean of cleaning.reverse()) await clean()?.catch?.(() => {});
  rmSync(work, { recursive: true, force: true });
}
console.log(failed ? "the story failed" : "the story was told to its end");
process.exit(failed ? 1 : 0);
