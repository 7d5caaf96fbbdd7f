import { expect, it } from "vitest";
import { versionNumbers } from "./versions.ts";

it("the newest version has all", () => {
  expect([versionNumbers(3), versionNumbers(undefined)]).toEqual([[3, 2, 1], []]);
});
