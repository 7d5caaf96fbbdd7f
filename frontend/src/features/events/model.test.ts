import { describe, expect, it } from "vitest";
import { typeFor } from "../../lib/sample.ts";
import { dataFault, fits, LIMIT, patternFault, templates, typeFault } from "./model.ts";

describe("a pattern", () => {
  const table: [string, string, boolean][] = [
    ["file.uploaded", "file.uploaded", true],
    ["file.uploaded", "file.deleted", false],
    ["file.*", "file.uploaded", true],
    ["file.*", "file.uploaded.again", false],
    ["file.*", "file", false],
    ["file.**", "file.uploaded.again", true],
    ["file.**", "file", true],
    ["**", "anything.at.all", true],
    ["*.uploaded", "file.uploaded", true],
    ["*", "file.uploaded", false],
  ];
  it.each(table)("%s against %s: %s", (pattern, type, is) => expect(fits(pattern, type)).toBe(is));

  it("that cannot be meant is told", () => {
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
    expect(fits("file.**", typeFor("file.**")) && fits("*.b", typeFor("*.b"))).toBe(true);
  });
});
