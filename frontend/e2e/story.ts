// A story: one test with a server and a visitor of its own, told step by step. When it fails, the page and everything
// that was said are kept in failed/, and the failure names the step.

import { join } from "node:path";
import type { Browser, BrowserContextOptions } from "playwright-core";
import { afterAll, test } from "vitest";
import { House, type Options } from "./house.ts";
import { FAILED } from "./paths.ts";
import { openBrowser, Visitor } from "./visitor.ts";

export interface World {
  house: House;
  visitor: Visitor;
  page: Visitor["page"];
  /** Names what is done, for whoever reads the failure. */
  step: (name: string, act: () => Promise<void>) => Promise<void>;
}

export interface How extends Options {
  /** Begins at the way in, not inside. */
  signedOut?: boolean;
  browser?: BrowserContextOptions;
  timeout?: number;
}

let browser: Promise<Browser> | undefined;
afterAll(async () => {
  await (await browser)?.close();
  browser = undefined;
});

export function story(name: string, tell: (world: World) => Promise<void>, how: How = {}) {
  test(
    name,
    async () => {
      const house = await House.open(how);
      let visitor: Visitor | undefined;
      let current = "the beginning";
      const times: string[] = [];
      try {
        browser ??= openBrowser();
        visitor = await Visitor.come(await browser, house.url, how.browser);
        if (!how.signedOut) await visitor.isSignedIn();
        const step: World["step"] = async (title, act) => {
          current = title;
          const begun = performance.now();
          await act();
          times.push(`${Math.round(performance.now() - begun)} ms  ${title}`);
        };
        await tell({ house, visitor, page: visitor.page, step });
        current = "the end";
        visitor.unharmed();
      } catch (error) {
        const file = name.replace(/[^a-z0-9]+/gi, "-").toLowerCase();
        await visitor?.keep(FAILED, file, { steps: [...times, `failed: ${current}`], server: house.output });
        const told = error instanceof Error ? error : new Error(String(error));
        told.message = `at "${current}": ${told.message}\n(${join(FAILED, file)}.png and .txt show more)`;
        throw told;
      } finally {
        await visitor?.leave();
        await house.close();
      }
    },
    how.timeout,
  );
}
