import { expect, test } from "vitest";
import { KEYS, Keys, writes } from "./keys.ts";

test("one key or two in a row mean something", () => {
  const keys = new Keys();
  expect(keys.press("?", 0)).toBe("help");
  expect(keys.press("g", 10)).toBe("more");
  expect(keys.press("f", 20)).toBe("functions");
  expect(keys.press("f", 30)).toBeNull();
});

test("the second key must come soon", () => {
  const keys = new Keys();
  expect(keys.press("g", 0)).toBe("more");
  expect(keys.press("f", 5_000)).toBeNull();
});

test("a second key that fits nothing counts for itself", () => {
  const keys = new Keys();
  keys.press("g", 0);
  expect(keys.press("?", 10)).toBe("help");
  keys.press("g", 20);
  expect(keys.press("g", 30)).toBe("more");
  expect(keys.press("r", 40)).toBe("runs");
});

test("no keys hide others", () => {
  for (const { keys } of KEYS) expect(KEYS.filter((other) => `${other.keys} `.startsWith(`${keys} `))).toHaveLength(1);
});

test("what is written into a field is no command", () => {
  expect(writes({ tagName: "INPUT", type: "text" })).toBe(true);
  expect(writes({ tagName: "TEXTAREA" })).toBe(true);
  expect(writes({ tagName: "DIV", isContentEditable: true })).toBe(true);
  expect(writes({ tagName: "INPUT", type: "checkbox" })).toBe(false);
  expect(writes({ tagName: "BUTTON" })).toBe(false);
  expect(writes(null)).toBe(false);
});
