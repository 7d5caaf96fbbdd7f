import { expect, it } from "vitest";
import { Sent } from "./typed.ts";

it("knows its own texts when they come back, and one from elsewhere", () => {
  const sent = new Sent();
  sent.send("h");
  sent.send("he");
  sent.send("hel");
  expect(sent.back("h")).toBe(true);
  // Two were applied at once.
  expect(sent.back("hel")).toBe(true);
  expect(sent.back("he")).toBe(false);
  sent.send("x");
  expect(sent.back("")).toBe(false);
  expect(sent.back("x")).toBe(false);
});
