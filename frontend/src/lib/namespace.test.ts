import { afterEach, expect, test } from "vitest";
import { isOwn, preset, setOwn, shownName } from "./namespace.ts";

afterEach(() => setOwn("default"));

test("a field for a namespace begins with the server's own, where that is seen", () => {
  expect(preset(null)).toBe("default");
  setOwn("team");
  expect([preset(null), preset(["a", "team"]), preset(["a", "b"]), preset([])]).toEqual(["team", "team", "a", "team"]);
});

test("only the server's own namespace need not be named", () => {
  setOwn("team");
  expect([isOwn("team"), isOwn("default")]).toEqual([true, false]);
  expect(["team", "default"].map((namespace) => shownName({ name: "a", namespace }))).toEqual(["a", "default/a"]);
});
