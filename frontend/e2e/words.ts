// How a person finds what they look for, for what several stories look for.

import type { Locator, Page } from "playwright-core";

/** Goes to a tab of a function's page. */
export async function tab(page: Page, name: string) {
  await page.getByRole("tab", { name, exact: true }).click();
}

/** Fills in the payload and calls. */
export async function invoke(page: Page, payload: unknown) {
  const main = page.getByRole("main");
  await main.getByRole("textbox", { name: "Payload" }).fill(JSON.stringify(payload));
  await main.getByRole("button", { name: "Invoke", exact: true }).last().click();
}

/** The answer to the call. */
export function result(page: Page): Locator {
  return page.getByRole("main");
}

/** What the log on the page says of something, in its order. */
export async function lines(page: Page, of: RegExp): Promise<string[]> {
  return (await page.getByRole("log").textContent())?.match(of) ?? [];
}
