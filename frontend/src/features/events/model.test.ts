import { describe, expect, it } from "vitest";
import { typeFor } from "../../lib/sample.ts";
import { dataFault, LIMIT, patternFault, reachedWords, templates, typeFault, waitingWords } from "./model.ts";

describe("a pattern", () => {
  it("that cannot be meant is reported", () => {
    for (const pattern of ["a..b", "**.a", "file.up*", "."]) expect(patternFault(pattern)).not.toBeNull();
    for (const pattern of ["", "a", "a.*.b.**", "**"]) expect(patternFault(pattern)).toBeNull();
  });
});

describe("an event to publish", () => {
  it("needs a type that is one", () => {
    for (const type of ["", " ", "file.*", "a b", "a..b", "x".repeat(201)]) expect(typeFault(type)).not.toBeNull();
    expect(typeFault(" file.uploaded ")).toBeNull();
  });

  it("has data that is JSON and not too long", () => {
    expect([dataFault(""), dataFault('{"a":1}'), dataFault("1")]).toEqual([null, null, null]);
    expect(dataFault("{")).not.toBeNull();
    expect(dataFault(JSON.stringify("ä".repeat(LIMIT / 2)))).toContain("KiB");
  });
});

describe("what to begin with", () => {
  it("fits what functions wait for, filter and all", () => {
    const [, , mine, ...rest] = templates([
      {
        name: "thumbs",
        namespace: "team",
        triggers: [
          { type: "event", pattern: "file.**", filter: { "data.kind": "image", "data.by.name": "Ada", subject: "x" } },
          { type: "http", pattern: null, filter: null },
        ],
      },
    ]);
    expect(mine).toEqual({
      label: "file.** for thumbs",
      type: "file.something",
      data: { kind: "image", by: { name: "Ada" } },
      namespace: "team",
    });
    expect(rest).toEqual([]);
    expect(typeFor("file.**")).toMatch(/^file(\..+)?$/);
    expect(typeFor("*.b")).toMatch(/^[^.*]+\.b$/);
  });
});

describe("what is shown of many functions", () => {
  it("names some and counts the rest", () => {
    expect(waitingWords([], 0)).toContain("No running function");
    expect(waitingWords(["a"], 1)).toMatch(/^a has a trigger for this type; its filters/);
    expect(waitingWords(["a", "b", "c"], 1203)).toMatch(/^a, b, c and 1,200 more have a trigger/);
  });

  it("says whether an event may still reach more", () => {
    const of = (reached: number, functions: number, settled = true) => reachedWords({ reached, functions, settled });
    expect(of(0, 150, false)).toBe("It has reached none of 150 functions of its namespace so far.");
    expect(of(3, 150, false)).toBe("It has reached 3 of 150 functions of its namespace so far.");
    expect(of(120, 150)).toBe("It reached 120 of 150 functions of its namespace.");
    expect(of(1, 1)).toBe("It reached 1 of 1 function of its namespace.");
    expect(of(0, 2)).toMatch(/^It reached none of the 2 functions/);
  });
});
