import { describe, expect, it } from "vitest";
import { type Dot, heightOf, outcomes, placed, scaleOf, ticksOf } from "./scatter.tsx";

const dot = (id: string, second: number, ms: number, state = "SUCCEEDED"): Dot => ({
  id,
  at: new Date(second * 1000).toISOString(),
  ms,
  state,
});

describe("dots", () => {
  it("stand later to the right and longer upwards, inside of the picture", () => {
    const [a, b, c] = placed([dot("a", 0, 5), dot("b", 50, 50), dot("c", 100, 5000)], 800, 120);
    expect(a && b && c && a.x < b.x && b.x < c.x && a.y > b.y && b.y > c.y).toBe(true);
    for (const one of [a, b, c]) expect(one && one.x >= 0 && one.x <= 800 && one.y >= 0 && one.y <= 120).toBe(true);
  });

  it("of one moment stand in the middle", () => {
    expect(placed([dot("a", 0, 5), dot("b", 0, 5)], 800, 120).map((one) => one.x)).toEqual([400, 400]);
  });

  it("stand by tens only when they lie far apart", () => {
    expect(scaleOf([dot("a", 0, 90), dot("b", 0, 100)])).toEqual({ log: false, top: 100 });
    expect(scaleOf([dot("a", 0, 2), dot("b", 0, 3000)])).toEqual({ log: true, top: 3000 });
    expect(heightOf(50, { log: false, top: 100 })).toBe(0.5);
    expect(heightOf(0, { log: true, top: 100 })).toBe(0);
    expect(heightOf(100, { log: true, top: 100 })).toBe(1);
  });

  it("have few lines behind them", () => {
    expect(ticksOf({ log: false, top: 100 })).toEqual([0, 50, 100]);
    expect(ticksOf({ log: true, top: 3000 })).toEqual([1, 10, 100, 1000]);
    expect(ticksOf({ log: true, top: 5e6 }).length).toBeLessThan(5);
  });

  it("are counted by their outcome", () => {
    expect(outcomes([dot("a", 0, 1), dot("b", 0, 1, "DEAD"), dot("c", 0, 1)])).toEqual([
      ["SUCCEEDED", 2],
      ["DEAD", 1],
    ]);
  });
});
