import { describe, expect, it } from "vitest";
import { changes, compared, joined, ordered, summary } from "./versions.ts";

const file = (path: string, sha256: string, size = 1) => ({ path, sha256, size });

describe("two versions", () => {
  it("differ by the files that came, went or changed", () => {
    const found = changes(
      [file("a.js", "1"), file("b.js", "1", 10), file("gone.js", "1", 5)],
      [file("new.js", "1", 7), file("b.js", "2", 11), file("a.js", "1")],
    );
    expect(found).toEqual([
      { path: "b.js", kind: "changed", before: 10, after: 11 },
      { path: "gone.js", kind: "removed", before: 5, after: null },
      { path: "new.js", kind: "added", before: null, after: 7 },
    ]);
    expect(summary(found)).toBe("3 files: 1 changed, 1 added, 1 removed");
    expect(summary([])).toBe("no file differs");
  });

  it("have manifests whose order of members does not matter", () => {
    expect(ordered({ b: [{ d: 1, c: 2 }], a: null })).toBe(ordered({ a: null, b: [{ c: 2, d: 1 }] }));
    expect(ordered([2, 1])).not.toBe(ordered([1, 2]));
  });

  it("are those that the address names, as far as they are there", () => {
    expect(compared([3, 2, 1], 3, undefined, undefined)).toBeNull();
    expect(compared([3, 2, 1], 3, 1, 2)).toEqual({ from: 1, to: 2 });
    expect(compared([3, 2, 1], 2, 1, 99)).toEqual({ from: 1, to: 2 });
    expect(compared([3, 2, 1], 3, undefined, 3)).toEqual({ from: 2, to: 3 });
    expect(compared([1], 1, 7, 1)).toBeNull();
  });
});

it("loses no version that a newer one pushes out of the first page", () => {
  const page = (...numbers: number[]) => numbers.map((number) => ({ node: { number } }));
  const seen = joined(page(40, 39), page(38, 37));
  const rows = joined(page(41, 40), seen);
  expect(rows.map(({ node }) => node.number)).toEqual([41, 40, 39, 38, 37]);
});
