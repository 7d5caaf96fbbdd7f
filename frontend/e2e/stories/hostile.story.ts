// Functions, events and repositories of somebody who means harm. Whatever they say is text, on every page.

import { expect } from "vitest";
import { until } from "../house.ts";
import { handler, manifest, Repository } from "../repository.ts";
import { story } from "../story.ts";

/** Code that would run, or call a stranger, if it were ever taken for anything but text. */
const HOSTILE = [
  `<script>alert("script")</script>`,
  `<img src="https://evil.example/x.png" onerror="alert('image')">`,
  `</textarea></title></style><svg onload=alert(1)>`,
  `"'><iframe src="javascript:alert(2)"></iframe>`,
  `javascript:alert(3)`,
  `{{constructor.constructor("alert(4)")()}}`,
  `<base href="https://evil.example/"><link rel=stylesheet href=//evil.example/a.css>`,
];
/** What a terminal would heed: colours without end, a title, a link, cursor moves, a bell, a way back; and text that turns around. */
const CONTROLS = [
  "\u001b[31;1;5mred\u001b[999m\u001b[38;2;1;2;3mtrue",
  "\u001b]0;a title\u0007\u001b]8;;javascript:alert(5)\u0007link\u001b]8;;\u0007 \u001b]8;;https://evil.example\u001b\\out\u001b]8;;\u001b\\",
  "\u001b[2J\u001b[1;1H\u001b[?1049h\u0007\b\b\b\u0000\u0001\u007f\u009b31m",
  "\u202etxt.exe\u202c \u2066\u2067 \u200b\u200f \ufeff",
  "\ud83d\ude00 e\u0301\u0301\u0301\u0301\u0301\u0301",
];
const LONG = `${"x".repeat(12_000)}<b id="broke-out">`;
const ALL = [...HOSTILE, ...CONTROLS, LONG];
const TYPE = `order.<img/src=x/onerror=alert(6)>`;

story(
  "whatever functions, events and repositories say is text, on every page",
  async ({ house, page, visitor, step }) => {
    const main = page.getByRole("main");
    const payload = {
      name: HOSTILE[1],
      [HOSTILE[0] as string]: HOSTILE,
      __proto__: { polluted: true },
      constructor: HOSTILE[2],
      controls: CONTROLS,
    };
    const repository = new Repository(house.folder, "hostile");
    repository.commit(HOSTILE.join(" "), {
      "function.json": manifest({
        env: { GREETING: HOSTILE[1], CONTROL: CONTROLS[3] },
        triggers: [{ type: "http" }, { type: "event", pattern: "**" }],
        retry: { max_attempts: 1 },
      }),
      "index.js": handler(`
      const all = ${JSON.stringify(ALL)};
      for (const one of all) { console.log(one); console.error(one); }
      if (event.data && event.data.fail) throw new Error(all.slice(0, 7).join(" "));
      if (event.data && event.data.page) return { statusCode: 200, headers: { "content-type": "text/html" }, body: all[0] };
      return { all, data: event.data };`),
      "<img src=x onerror=alert(7)>.js": `// ${HOSTILE[0]}`,
    });
    repository.branch("a-<b>&\"'-branch");
    const id = await house.register("hostile", repository.path);
    const event = await house.publish(TYPE, payload, { source: "javascript:alert(8)", subject: HOSTILE[1] });
    await house.publish("fail.please", { fail: true }, { subject: HOSTILE[4] });
    await house.fetch("/function/hostile", { page: true });
    const dead = await until("the run is dead", async () => {
      const { deadLetters } = await house.ask<{ deadLetters: { nodes: { id: string }[] } }>(
        "{ deadLetters(first: 1) { nodes { id } } }",
      );
      return deadLetters.nodes[0]?.id;
    });
    const { event: caused } = await house.ask<{ event: { runs: { nodes: { id: string }[] } } }>(
      "query($id: ID!) { event(id: $id) { runs { nodes { id } } } }",
      { id: event },
    );
    // A function whose source does not lead anywhere, and says so in its own words.
    const wrong = await house.fetch("/v1/functions", {
      name: "nowhere",
      source: { git: { url: "/nowhere/<script>alert(9)</script>", ref: "<img src=x onerror=alert(10)>" } },
    });
    await wrong.text();

    const at: [address: string, shows: string][] = [
      ["/functions", "hostile"],
      [`/functions/${id}`, "hostile"],
      [`/functions/${id}/runs`, "succeeded"],
      [`/functions/${id}/logs`, "hostile"],
      [`/functions/${id}/builds`, "version 1"],
      [`/functions/${id}/versions`, "v1"],
      [`/functions/${id}/settings?part=variables`, "Variables and secrets"],
      [`/functions/${id}/history`, "Registered"],
      ["/runs", "hostile"],
      [`/runs/${dead}`, HOSTILE[0] as string],
      [`/runs/${caused.runs.nodes[0]?.id}`, HOSTILE[0] as string],
      ["/events", TYPE],
      [`/events/${event}`, TYPE],
      ["/dead-letters", HOSTILE[0] as string],
      ["/system", "SQLite"],
    ];
    /** Nothing of the texts became an element, or changed what everything is made of. */
    const sound = async () => {
      const found = await page.evaluate(() => ({
        elements: document.querySelectorAll(
          "script:not([src^='/assets/']), iframe, base, [onerror], [onload], #broke-out, img[src*='evil'], link[href*='evil'], a[href^='javascript' i], a[href*='evil.example']",
        ).length,
        polluted: "polluted" in {},
      }));
      expect(found).toEqual({ elements: 0, polluted: false });
      visitor.unharmed();
    };

    for (const [address, shows] of at) {
      await step(address, async () => {
        await page.goto(address);
        await main.getByText(shows).locator("visible=true").first().waitFor();
        await sound();
      });
    }

    await step("lines stand in the log as they were written", async () => {
      await page.goto(`/functions/${id}/logs`);
      for (const one of HOSTILE.slice(0, 3))
        await page.getByRole("log").getByText(one, { exact: true }).first().waitFor();
      // A line without end neither widens the page nor hides the next one.
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      expect(wide).toBeLessThanOrEqual(0);
      await sound();
    });

    await step("an answer stands on the page as it came", async () => {
      await page.goto(`/functions/${id}/invoke`);
      await main.getByRole("textbox", { name: "Payload" }).fill(JSON.stringify(payload));
      await main.getByRole("button", { name: "Invoke", exact: true }).last().click();
      await main.getByText("succeeded").first().waitFor();
      await page
        .getByRole("log")
        .getByText(HOSTILE[0] as string)
        .first()
        .waitFor();
      await sound();
    });

    await step("an address may say anything", async () => {
      const evil = encodeURIComponent(HOSTILE[1] as string);
      for (const address of [
        `/functions?q=${evil}&state=${evil}&sort=${evil}`,
        `/functions/${id}/logs?q=${evil}`,
        `/runs?state=${evil}&after=${evil}`,
        `/events?type=${evil}`,
        `/functions/${evil}`,
        `/sign-in?next=${encodeURIComponent("https://evil.example/")}`,
        `/sign-in?next=${encodeURIComponent("javascript:alert(11)")}`,
      ]) {
        await page.goto(address);
        await page.locator("h1, h2, h3, h4, [role=alert]").first().waitFor();
        await sound();
      }
    });

    await step("a page that a function serves has no session and no say", async () => {
      const answer = await page.request.get(`/function/hostile`, { headers: { authorization: "Bearer dev-token" } });
      expect(answer.headers()["content-security-policy"]).toContain("sandbox");
    });
  },
);
