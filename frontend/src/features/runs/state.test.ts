import { expect, it } from "vitest";
import { goesOn } from "./state.ts";

it("a run goes on until it is over", () => {
  expect((["QUEUED", "RUNNING", "RETRYING"] as const).every(goesOn)).toBe(true);
  expect((["SUCCEEDED", "DEAD", "CANCELLED"] as const).some(goesOn)).toBe(false);
});
