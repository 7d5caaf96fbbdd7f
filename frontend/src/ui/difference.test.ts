import { diffLines } from "diff";
import { describe, expect, it } from "vitest";
import { counted, rows } from "./difference.ts";

const many = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, at) => `${from + at}\n`).join("");

describe("a difference", () => {
  it("has the numbers of both texts, and folds what did not change", () => {
    const found = rows(diffLines(`${many(1, 20)}old\nend\n`, `${many(1, 20)}new\nnewer\nend\n`));
    expect(found).toEqual([
      { kind: "folded", count: 17, before: 1 },
      { kind: "same", text: "18", before: 18, after: 18 },
      { kind: "same", text: "19", before: 19, after: 19 },
      { kind: "same", text: "20", before: 20, after: 20 },
      { kind: "removed", text: "old", before: 21, after: null },
      { kind: "added", text: "new", before: null, after: 21 },
      { kind: "added", text: "newer", before: null, after: 22 },
      { kind: "same", text: "end", before: 22, after: 23 },
    ]);
    expect(counted(found)).toEqual({ added: 2, removed: 1 });
  });

  it("folds nothing that is as short as the fold itself", () => {
    const found = rows([{ value: "a\n", removed: true }, { value: many(1, 9) }, { value: "b\n", added: true }]);
    expect(found.some(({ kind }) => kind === "folded")).toBe(false);
    expect(found).toHaveLength(11);
  });

  it("of nothing is nothing", () => {
    expect(rows([])).toEqual([]);
  });
});
