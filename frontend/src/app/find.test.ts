import { expect, test } from "vitest";
import { type Entry, found, grouped, idTyped } from "./find.ts";

const ENTRIES: Entry[] = [
  { id: "f", group: "Functions", label: "hello" },
  { id: "f2", group: "Functions", label: "say-hello-again" },
  { id: "stop", group: "Functions", label: "Stop hello", quiet: true },
  { id: "logs", group: "Functions", label: "Logs of hello", quiet: true },
  { id: "dead", group: "Pages", label: "Dead letters", also: "failed redrive" },
  { id: "theme", group: "Actions", label: "Dark colours", also: "theme night" },
];
const ids = (typed: string) => found(ENTRIES, typed).map(({ id }) => id);

test("nothing typed offers what is not quiet, in its order", () => {
  expect(ids(" ")).toEqual(["f", "f2", "dead", "theme"]);
});

test("the thing itself comes before what can be done with it", () => {
  expect(ids("hello")).toEqual(["f", "stop", "logs", "f2"]);
  expect(ids("HEL")[0]).toBe("f");
});

test("all words must be there, in any order", () => {
  expect(ids("stop hello")).toEqual(["stop"]);
  expect(ids("hello logs")).toEqual(["logs"]);
  expect(ids("stop nobody")).toEqual([]);
});

test("other words for it find it, too", () => {
  expect(ids("redrive")).toEqual(["dead"]);
  expect(ids("night")).toEqual(["theme"]);
});

test("groups come in the order of their first entry, each once", () => {
  const groups = grouped(found(ENTRIES, ""));
  expect(groups.map(([name, entries]) => [name, entries.length])).toEqual([
    ["Functions", 2],
    ["Pages", 1],
    ["Actions", 1],
  ]);
});

test("the beginning of an id is distinguished from a word", () => {
  expect(idTyped(" 019AA1 ")).toBe("019aa1");
  expect(idTyped("0189f7e2-3c4d-7abc-8def-0123456789ab")).toBe("0189f7e2-3c4d-7abc-8def-0123456789ab");
  for (const word of ["", "dead", "face", "019", "hello", "019g", "0190-", "0190f0f00", "0190f0f0-0000-7-"])
    expect(idTyped(word), word).toBeNull();
});
