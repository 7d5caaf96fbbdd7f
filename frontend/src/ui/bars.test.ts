import { describe, expect, it } from "vitest";
import { shareOf } from "./bars.tsx";

describe("a bar", () => {
  it("stands where its time is", () => {
    expect(shareOf({ from: 150, to: 200 }, 100, 200)).toEqual({ left: 50, width: 50 });
  });

  it("of a moment can be seen, also at the end", () => {
    const { left, width } = shareOf({ from: 200, to: 200 }, 100, 200);
    expect(width).toBeGreaterThan(0);
    expect(left + width).toBeLessThanOrEqual(100);
    expect(shareOf({ from: 5, to: 5 }, 5, 5).width).toBeGreaterThan(0);
  });
});
