import { describe, expect, it } from "vitest";
import { saysOf, tabled } from "./chartWords.ts";

const data = [
  { at: "10:00", p95: 12, p50: null },
  { at: "10:01", p95: 40, p50: 3 },
  { at: "10:02", p95: 0, p50: null },
];
const ms = (value: number) => `${value} ms`;

describe("a chart", () => {
  it("says its newest and its largest number", () => {
    expect(saysOf(data, { name: "p95", label: "p95" }, ms)).toBe("p95: 0 ms at 10:02, 40 ms at most, at 10:01");
    expect(saysOf(data, { name: "p99", label: "p99" }, ms)).toBe("p99: nothing");
  });

  it("is a table of what there is, newest first", () => {
    const series = [
      { name: "p50", label: "p50" },
      { name: "p95", label: "p95" },
    ];
    expect(tabled(data, series, ms)).toEqual([
      { key: 1, at: "10:01", cells: ["3 ms", "40 ms"] },
      { key: 0, at: "10:00", cells: ["–", "12 ms"] },
    ]);
  });
});
