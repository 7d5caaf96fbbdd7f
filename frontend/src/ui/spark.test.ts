import { describe, expect, it } from "vitest";
import { bars, inWords, scale, sum } from "./spark.ts";

const points = [
  { calls: 0, errors: 0 },
  { calls: 1000, errors: 500 },
  { calls: 1, errors: 0 },
];

describe("a sparkline", () => {
  it("draws what there is in parts of the highest, and the least thing so that it is seen", () => {
    expect(bars(points)).toEqual([
      { x: 1, height: 1, bad: 0.5 },
      { x: 2, height: 0.08, bad: 0 },
    ]);
    expect(bars([])).toEqual([]);
  });

  it("is described in words, too", () => {
    expect(inWords(points, "calls a minute")).toBe(
      "calls a minute: 1 now, 1000 at most; 1001 in all, 500 of them failed",
    );
    expect(inWords([{ calls: 0, errors: 0 }], "calls")).toBe("No calls");
    expect(sum(points)).toEqual({ calls: 1001, errors: 500 });
  });

  it("shows how high the highest bar is", () => {
    expect(scale([], "minute")).toBe("no calls");
    expect(
      scale(
        [
          { calls: 1, errors: 0 },
          { calls: 0, errors: 0 },
        ],
        "minute",
      ),
    ).toBe("at most 1 call per minute");
    expect(scale([{ calls: 3, errors: 1 }], "3 hours")).toBe("at most 3 calls per 3 hours; red ones failed");
  });
});
