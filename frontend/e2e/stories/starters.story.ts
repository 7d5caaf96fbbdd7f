// Repositories as people have them, registered without touching a setting: what is in conformance/places, in a browser.

import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { expect } from "vitest";
import { Repository } from "../repository.ts";
import { story } from "../story.ts";

const PLACES = join(import.meta.dirname, "../../../conformance/places");

interface Place {
  request: { path: string };
  contains: string;
}

const STARTERS: [name: string, found: RegExp][] = [
  ["render-express", /Found Express in package\.json/],
  ["render-fastapi", /Found FastAPI in requirements\.txt/],
  ["aws-lambda-node", /Found a handler for AWS Lambda/],
  ["eventflow-typescript", /Found a handler in index\.ts/],
];

function files(folder: string): Record<string, string> {
  const all = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    all.map((entry) => {
      const path = join(entry.parentPath, entry.name);
      return [relative(folder, path), readFileSync(path, "utf8")];
    }),
  );
}

story(
  "an Express starter, a FastAPI app, a Lambda handler and a TypeScript function run without a setting",
  async ({ house, page, step }) => {
    const main = page.getByRole("main");
    for (const [name, found] of STARTERS) {
      const place: Place = JSON.parse(readFileSync(join(PLACES, name, "place.json"), "utf8"));
      const repository = new Repository(house.folder, name);
      repository.commit("As it is", files(join(PLACES, name, "files")));

      await step(`register ${name}, and read what was found`, async () => {
        await page.goto("/");
        await main.getByRole("button", { name: "Register" }).click();
        const dialog = page.getByRole("dialog");
        await dialog.getByLabel("Repository").fill(repository.path);
        await dialog.getByRole("button", { name: "Register and build" }).click();
        await page.getByRole("log").getByText(found).first().waitFor({ timeout: 120_000 });
        await main.getByRole("link", { name: "version 1", exact: true }).first().waitFor({ timeout: 120_000 });
      });

      await step(`start and call ${name}`, async () => {
        await main.getByRole("button", { name: "Start", exact: true }).click();
        const call = async () => {
          const answer = await fetch(`${house.url}/function/${name}${place.request.path}`, {
            headers: { authorization: "Bearer dev-token" },
          });
          return answer.text();
        };
        // It may not run yet when the button was pressed.
        await expect.poll(call, { timeout: 60_000 }).toContain(place.contains);
      });
    }
  },
  { timeout: 600_000 },
);
