import { describe, expect, it } from "vitest";
import { Heights } from "./heights.ts";

describe("rows of different heights", () => {
  it("stand one below the other, as a plain sum says", () => {
    const rows = new Heights();
    const heights = Array.from({ length: 3000 }, (_, index) => 18 * (1 + (index % 4)));
    rows.reset(1000, (index) => heights[index] ?? 0);
    rows.grow(3000, (index) => heights[index] ?? 0);
    heights[17] = 5;
    rows.set(17, 5);
    let sum = 0;
    for (const [index, height] of heights.entries()) {
      if (rows.top(index) !== sum || rows.at(sum) !== index || rows.at(sum + height - 1) !== index)
        throw new Error(`row ${index} is not where it should be`);
      sum += height;
    }
    expect([rows.total, rows.count]).toEqual([sum, 3000]);
  });

  it("have ends", () => {
    const rows = new Heights();
    expect([rows.at(5), rows.total, rows.top(3)]).toEqual([0, 0, 0]);
    rows.reset(3, () => 10);
    expect([rows.at(-1), rows.at(0), rows.at(10), rows.at(29), rows.at(999)]).toEqual([0, 0, 1, 2, 2]);
    rows.reset(1, () => 10);
    expect([rows.total, rows.top(1), rows.at(999)]).toEqual([10, 10, 0]);
  });
});
