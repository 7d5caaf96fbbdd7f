// The way in and the way out.

import { expect } from "vitest";
import { until } from "../house.ts";
import { story } from "../story.ts";

story(
  "a wrong password is refused, the right one leads to where one wanted to go, and no script sees the session",
  async ({ house, page, step }) => {
    const password = await until("the first password is printed", async () =>
      house.output.map((line) => /with the password (\S+)/.exec(line)?.[1]).find((found) => found !== undefined),
    );

    await step("a page inside leads to the way in", async () => {
      await page.goto("/events?type=order.placed");
      await page.getByRole("button", { name: "Sign in", exact: true }).waitFor();
      // Nobody is offered what this server does not take.
      expect(await page.getByRole("button", { name: "Sign in as admin" }).count()).toBe(0);
    });

    await step("a wrong password", async () => {
      await page.getByRole("textbox", { name: "User name" }).fill("admin");
      await page.getByLabel("Password").first().fill("not the password");
      await page.getByRole("button", { name: "Sign in", exact: true }).click();
      await page.getByRole("alert").getByText("wrong").waitFor();
    });

    await step("the right one, by the keyboard alone", async () => {
      await page.getByLabel("Password").first().fill(password);
      await page.keyboard.press("Enter");
      await page.getByRole("heading", { name: "Events" }).waitFor();
      expect(page.url()).toBe(`${house.url}/events?type=order.placed`);
    });

    await step("no script sees the session", async () => {
      expect(await page.evaluate(() => document.cookie)).toBe("");
      const [cookie] = await page.context().cookies();
      expect(cookie).toMatchObject({ name: "eventflow_session", httpOnly: true, sameSite: "Strict" });
      const stored = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]));
      expect(stored).not.toContain(cookie?.value);
    });

    await step("a session that ends elsewhere ends here", async () => {
      await page.context().clearCookies();
      await page.goto("/functions");
      await page.getByRole("button", { name: "Sign in", exact: true }).waitFor();
    });
  },
  { dev: false, signedOut: true },
);
