import { expect, it } from "vitest";
import { member } from "./json.ts";

it("a member is found at its path, and none where there is nothing", () => {
  const data = { failure: { error: "no memory" }, list: [1], none: null };
  expect(member(data, "failure", "error")).toBe("no memory");
  expect(member(data)).toBe(data);
  for (const path of [["failure", "error", "length", "x"], ["list", "name"], ["none", "x"], ["else"]])
    expect(member(data, ...path)).toBeUndefined();
});
