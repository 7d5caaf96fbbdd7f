import { expect, it } from "vitest";
import { versionNumbers } from "./versions.ts";

it("the newest version tells of all", () => {
  expect([versionNumbers(3), versionNumbers(undefined)]).toEqual([[3, 2, 1], []]);
});
