import { describe, expect, it } from "vitest";
import { placed } from "./scatter.tsx";

const dot = (id: string, second: number, ms: number) => ({
  id,
  at: new Date(second * 1000).toISOString(),
  ms,
  state: "SUCCEEDED",
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
});
