// A person at a browser, and what no person may ever meet there: code that was data, a request to a stranger, a page
// that broke.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { CHROMIUM } from "./paths.ts";
import { PATIENCE } from "./patience.ts";

export function openBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: CHROMIUM,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      // Memory that is shared with /dev/shm is short in containers.
      "--disable-dev-shm-usage",
    ],
  });
}

/** What a browser says by itself of a server that is away, or that refuses: the page's own words are what counts. */
const EXPECTED = [
  /^Failed to load resource: /,
  /^WebSocket connection to .* failed/,
  /^(Unloaded: )?the code of this page could not be loaded/,
];

export class Visitor {
  readonly page: Page;
  /** Everything that the console said. */
  readonly console: string[] = [];
  /** What must not be: dialogs, requests to other hosts, exceptions, errors, violations of the policy. */
  readonly harm: string[] = [];

  private constructor(page: Page, origin: string) {
    this.page = page;
    page.setDefaultTimeout(PATIENCE);
    page.on("dialog", (dialog) => {
      this.harm.push(`a dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    page.on("pageerror", (error) => {
      if (!EXPECTED.some((known) => known.test(error.message))) this.harm.push(`an exception: ${error.stack}`);
    });
    page.on("console", (message) => {
      const text = message.text();
      this.console.push(`${message.type()}: ${text}`);
      if (message.type() === "error" && !EXPECTED.some((known) => known.test(text))) this.harm.push(text);
    });
    const ours = (address: string) => {
      const url = new URL(address);
      const local = url.protocol === "data:" || url.protocol === "blob:";
      if (!local && url.host !== new URL(origin).host) this.harm.push(`a request to another host: ${address}`);
    };
    page.on("request", (request) => ours(request.url()));
    page.on("websocket", (socket) => ours(socket.url()));
    page.on("popup", (popup) => this.harm.push(`a new window: ${popup.url()}`));
  }

  static async come(browser: Browser, origin: string, options: BrowserContextOptions = {}): Promise<Visitor> {
    const context = await browser.newContext({
      baseURL: origin,
      viewport: { width: 1280, height: 800 },
      colorScheme: "light",
      locale: "en-GB",
      timezoneId: "UTC",
      permissions: ["clipboard-read", "clipboard-write"],
      ...options,
    });
    await context.addInitScript(() => {
      addEventListener("securitypolicyviolation", (event) =>
        console.error(`policy violated: ${event.effectiveDirective} ${event.blockedURI} ${event.sample}`),
      );
    });
    return new Visitor(await context.newPage(), origin);
  }

  /** Signs in by the cookie, without looking at the page: for stories that begin inside. */
  async isSignedIn() {
    const answer = await this.page.request.post("/auth/token?cookie=true", {
      data: { username: "admin", password: "admin" },
    });
    if (!answer.ok()) throw new Error(`signing in was refused: ${await answer.text()}`);
  }

  /** Fails when something happened that must not. */
  unharmed() {
    if (this.harm.length > 0) throw new Error(`the page was harmed:\n${this.harm.join("\n")}`);
  }

  /** Keeps what the page shows and what its console said, under a name. */
  async keep(folder: string, name: string, more: Record<string, readonly string[]>) {
    mkdirSync(folder, { recursive: true });
    await this.page.screenshot({ path: join(folder, `${name}.png`) }).catch(() => {});
    const parts = { address: [this.page.url()], harm: this.harm, console: this.console, ...more };
    const text = Object.entries(parts).map(([title, lines]) => `== ${title}\n${lines.join("\n")}\n`);
    writeFileSync(join(folder, `${name}.txt`), text.join("\n"));
  }

  async leave() {
    await this.page.context().close();
  }
}
