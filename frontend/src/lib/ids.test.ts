import { expect, test } from "vitest";
import { isId } from "./ids.ts";

test("an id is a whole UUID and nothing else", () => {
  expect(isId("0189f7e2-3c4d-7abc-8def-0123456789ab")).toBe(true);
  expect(isId("0189F7E2-3C4D-7ABC-8DEF-0123456789AB")).toBe(true);
  for (const other of ["", "not-an-id", "0189f7e2", "0189f7e2-3c4d-7abc-8def-0123456789ab/logs", "{0189f7e2}"])
    expect(isId(other), other).toBe(false);
});
