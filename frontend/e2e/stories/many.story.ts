// More than a hundred functions: what a page says of all of them is what the server says, and not what its first page has.

import { expect } from "vitest";
import { type House, until } from "../house.ts";
import { handler, manifest, Repository } from "../repository.ts";
import { story } from "../story.ts";

/** Functions that are only registered: they come before all others by name. */
const IDLE = 110;

async function idle(house: House) {
  const register = `mutation($input: RegisterFunctionInput!) {
    registerFunction(input: $input) { function { id } userErrors { message } }
  }`;
  for (let number = 0; number < IDLE; number++) {
    const name = `idle-${String(number).padStart(3, "0")}`;
    const source = { git: { url: "https://example.com/idle.git" } };
    await house.ask(register, { input: { name, source } });
  }
}

/** A function that waits for files, behind all others by name. */
async function zebra(house: House): Promise<string> {
  const repository = new Repository(house.folder, "zebra");
  repository.commit("paint", {
    "function.json": manifest({
      triggers: [{ type: "http" }, { type: "event", pattern: "file.*" }, { type: "schedule", cron: "@daily" }],
    }),
    "index.js": handler(`if (event.data && event.data.bad) throw new Error("no stripes"); return "painted";`),
  });
  return house.register("zebra", repository.path);
}

story(
  "with more than a hundred functions, whoever publishes sees who waits, and how many were reached",
  async ({ house, page, step }) => {
    await idle(house);
    await zebra(house);
    const dialog = page.getByRole("dialog");
    const main = page.getByRole("main");

    await step("the last function of all is shown before the event is published", async () => {
      await page.goto("/events?publish=yes");
      await dialog.getByRole("textbox", { name: "Type" }).fill("file.deleted");
      await dialog.getByText("zebra has a trigger for this type").waitFor();
      await dialog.getByRole("textbox", { name: "Type" }).fill("nobody.waits");
      await dialog.getByText("No running function of this namespace").waitFor();
    });

    await step("its trigger is among the templates, when its name is typed", async () => {
      await dialog.getByRole("combobox", { name: "Begin with" }).fill("zebra");
      await page.getByRole("option", { name: "file.* for zebra" }).click();
      expect(await dialog.getByRole("textbox", { name: "Type" }).inputValue()).toBe("file.something");
    });

    await step("the event is shown to have reached one of all", async () => {
      await dialog.getByRole("button", { name: "Publish", exact: true }).click();
      // hello and zebra are there as well.
      await dialog.getByText(`It reached 1 of ${IDLE + 2} functions of its namespace.`).waitFor();
      await dialog.getByRole("link", { name: "Open it" }).click();
      await page.waitForURL(/\/events\/[0-9a-f-]+$/);
      await main.getByRole("link", { name: "zebra" }).first().waitFor();
      expect(await main.getByRole("link", { name: "idle-109" }).count()).toBe(0);
    });

    await step("why it did not reach one of the others is found by its name", async () => {
      await main.getByRole("textbox", { name: /Find a function/ }).fill("idle-109");
      await main.getByRole("link", { name: "idle-109" }).waitFor();
      await main.getByText("It did not run when the event came in").waitFor();
      await main.getByRole("textbox", { name: /Find a function/ }).fill("nobody");
      await main.getByText("No function of this namespace has a name like that").waitFor();
    });
  },
);

story("with more than a hundred functions, the list is filtered by the server", async ({ house, page, step }) => {
  await idle(house);
  const id = await zebra(house);
  const broken = new Repository(house.folder, "broken");
  broken.commit("Half a manifest", { "function.json": `{ "runtime": "node", "handler": 7 }\n` });
  await house.fetch("/v1/functions", { name: "zero", source: { git: { url: broken.path } } });
  await until("the build failed", async () => {
    const found = await house.ask<{ functions: { totalCount: number } }>(
      "{ functions(buildFailed: true) { totalCount } }",
    );
    return found.functions.totalCount === 1;
  });
  const main = page.getByRole("main");
  const list = main.getByRole("table", { name: "Functions" });
  const choose = async (label: string, option: string) => {
    await main.getByRole("combobox", { name: label, exact: true }).click();
    await page.getByRole("option", { name: option, exact: true }).click();
  };

  await step("by trigger", async () => {
    await page.goto("/functions");
    await main.getByText(`${IDLE + 3} of ${IDLE + 3} functions`).waitFor();
    await choose("Trigger", "Schedule");
    await list.getByRole("link", { name: "zebra", exact: true }).waitFor();
    await main.getByText("1 of 1 function").waitFor();
    expect(new URL(page.url()).searchParams.get("trigger")).toBe("SCHEDULE");
  });

  await step("by what became of the newest build, whose cause is shown", async () => {
    await page.goto("/functions");
    await choose("State", "Newest build failed");
    await list.getByRole("link", { name: "zero", exact: true }).waitFor();
    await main.getByText("1 of 1 function").waitFor();
    await list.getByText("build failed", { exact: true }).waitFor();
    await list.getByText(/last build failed: .*handler/).waitFor();
    await list.getByRole("link", { name: "zero", exact: true }).click();
    await main.getByText("The newest build failed").waitFor();
    await main
      .getByText(/handler/)
      .first()
      .waitFor();
  });

  await step("by a part of the name, and by runtime", async () => {
    await page.goto("/functions?runtime=node");
    await main.getByText("2 of 2 functions").waitFor();
    await main.getByRole("textbox", { name: "Search functions" }).fill("zeb");
    await main.getByText("1 of 1 function").waitFor();
    await main.getByRole("textbox", { name: "Search functions" }).fill("nothing");
    await main.getByText("No function matches").waitFor();
    await main.getByRole("button", { name: "Show all" }).click();
    await main.getByText(`${IDLE + 3} of ${IDLE + 3} functions`).waitFor();
  });

  await step("a function that begins to fit comes by itself, and one that does not goes", async () => {
    await page.goto("/functions?state=STOPPED");
    await main.getByText("No function matches").waitFor();
    await house.ask("mutation($id: ID!) { stopFunction(id: $id) { userErrors { message } } }", { id });
    await list.getByRole("link", { name: "zebra", exact: true }).waitFor();
  });

  await step("the schedule of what is stopped has no next time", async () => {
    await list.getByRole("link", { name: "zebra", exact: true }).click();
    await main.getByText("once the function runs").waitFor();
    await house.ask("mutation($id: ID!) { startFunction(id: $id) { userErrors { message } } }", { id });
    await main.getByText(", next").waitFor();
  });
});

story(
  "a run is found by the beginning of its id, and a dead letter's function by its name, behind hundreds of others",
  async ({ house, page, step }) => {
    await idle(house);
    const id = await zebra(house);
    const runs = async () => {
      const { runs: found } = await house.ask<{ runs: { totalCount: number; nodes: { id: string }[] } }>(
        "query($id: ID!) { runs(function: $id, last: 1) { totalCount nodes { id } } }",
        { id },
      );
      return found;
    };
    await house.call("zebra", {});
    const oldest = await until("the first run is recorded", async () => (await runs()).nodes[0]?.id);
    for (let number = 0; number < 105; number++) await house.call("zebra", {});
    await until("all runs are recorded", async () => (await runs()).totalCount > 105);
    const event = await house.publish("file.uploaded", { bad: true });

    await step("the palette finds the oldest run", async () => {
      await page.goto("/functions");
      await page.getByRole("main").getByRole("textbox", { name: "Search functions" }).waitFor();
      await page.keyboard.press("Control+k");
      await page.getByRole("dialog").getByRole("textbox").fill(oldest.slice(0, 30));
      await page.getByRole("dialog").getByText("Run ").first().waitFor();
      await page.keyboard.press("Enter");
      await page.waitForURL(`**/runs/${oldest}`);
    });

    await step("runs of one event are a list of their own", async () => {
      const main = page.getByRole("main");
      await page.goto(`/runs?event=${event}`);
      await main.getByText("1 of 1 run").waitFor();
      await main.getByText("of the event").waitFor();
      await main.getByRole("button", { name: "Show the runs of all events" }).click();
      await main.getByText(/^50 of 10\d runs$/).waitFor();
    });

    await step("dead letters are narrowed to the last function of all", async () => {
      const main = page.getByRole("main");
      await house.ask("mutation($id: ID!) { stopFunction(id: $id) { userErrors { message } } }", { id });
      await page.goto("/dead-letters");
      const field = main.getByRole("combobox", { name: "Function" });
      await field.click();
      await page.getByRole("option", { name: /more: type a part of the name/ }).waitFor();
      await field.fill("zeb");
      await page.getByRole("option", { name: "zebra" }).click();
      await page.waitForURL(`**/dead-letters?function=${id}`);
      await page.reload();
      await main.getByRole("combobox", { name: "Function" }).waitFor();
      await until("the function is named", async () => (await field.inputValue()) === "zebra");
    });
  },
);

story(
  "an older build than those of the first page is shown by its address",
  async ({ house, page, step }) => {
    const broken = new Repository(house.folder, "broken");
    broken.commit("Half a manifest", { "function.json": `{ "runtime": "node", "handler": 7 }\n` });
    const answer = await house.fetch("/v1/functions", { name: "zero", source: { git: { url: broken.path } } });
    const { id, build } = (await answer.json()) as { id: string; build: { id: string } };
    const ended = (count: number) =>
      until(`build ${count} has failed`, async () => {
        const { function: of } = await house.ask<{
          function: { builds: { totalCount: number; nodes: { state: string }[] } };
        }>("query($id: ID!) { function(id: $id) { builds(first: 1) { totalCount nodes { state } } } }", { id });
        return of.builds.totalCount === count && of.builds.nodes[0]?.state === "FAILED";
      });
    await ended(1);
    for (let count = 2; count <= 52; count++) {
      await house.ask("mutation($id: ID!) { buildFunction(id: $id) { userErrors { message } } }", { id });
      await ended(count);
    }
    const main = page.getByRole("main");
    await step("by a link", async () => {
      await page.goto(`/functions/${id}/builds?build=${build.id}`);
      await main.getByText("50 of 52 builds").waitFor();
      await main.getByText("No version was made before it").waitFor();
      await main
        .getByText(/handler/)
        .first()
        .waitFor();
      expect(await main.locator("[aria-current=true]").count()).toBe(0);
    });
    await step("and in the list, on the older page", async () => {
      await main.getByRole("button", { name: "Older" }).click();
      await main.getByText("2 of 52 builds").waitFor();
      expect(await main.locator("[aria-current=true]").count()).toBe(1);
    });
  },
  { timeout: 240_000 },
);

story(
  "fields for a namespace begin with the server's own",
  async ({ page, step }) => {
    await step("where an event is published", async () => {
      await page.goto("/events?publish=yes");
      const dialog = page.getByRole("dialog");
      expect(
        await dialog
          .getByRole("combobox", { name: "Namespace" })
          .or(dialog.getByRole("textbox", { name: "Namespace" }))
          .first()
          .inputValue(),
      ).toBe("team");
      await dialog.getByRole("textbox", { name: "Type" }).fill("demo.thing");
      await dialog.getByText("hello has a trigger for this type").waitFor();
    });
    await step("where a function is registered", async () => {
      await page.goto("/functions?register=git");
      const dialog = page.getByRole("dialog");
      const field = dialog
        .getByRole("combobox", { name: "Namespace" })
        .or(dialog.getByRole("textbox", { name: "Namespace" }));
      expect(await field.first().inputValue()).toBe("team");
    });
    await step("and nothing of it is shown in the list", async () => {
      await page.goto("/functions");
      const main = page.getByRole("main");
      await main.getByRole("link", { name: "hello", exact: true }).locator("visible=true").waitFor();
      expect(await main.getByText("team").count()).toBe(0);
    });
  },
  { env: { NAMESPACE: "team" } },
);
