import { describe, expect, it } from "vitest";
import { cards, percent, points, quiet, tick } from "./model.ts";

const none = {
  invocations: 0,
  errors: 0,
  coldStarts: 0,
  p50Ms: null,
  p95Ms: null,
  p99Ms: null,
  waiting: 0,
  running: 0,
};
const point = { at: "2026-01-05T10:30:05Z", ...none };

describe("numbers", () => {
  it("are cards with units, and say how bad it is only when it is", () => {
    const good = cards({ ...none, invocations: 1200, p50Ms: 12 }, 2);
    expect(good.find(({ name }) => name === "Calls")?.value).toBe("1,200");
    expect(good.find(({ name }) => name === "Failed")?.more).toBeUndefined();
    expect(good.at(-1)).toEqual({ name: "Instances now", value: "2" });
    const bad = cards({ ...none, invocations: 8, errors: 1, waiting: 1 });
    expect(bad.find(({ name }) => name === "Failed")).toMatchObject({ value: "1", more: "13 %" });
    expect(bad.find(({ name }) => name === "Waiting now")?.unit).toBe("call");
    expect(bad.some(({ name }) => name === "Instances now")).toBe(false);
  });

  it("are never rounded to nothing", () => {
    expect([percent(1, 10_000), percent(1, 200), percent(0, 5), percent(5, 5), percent(0, 0)]).toEqual([
      "< 0.1 %",
      "0.5 %",
      "0 %",
      "100 %",
      "–",
    ]);
  });

  it("become points that part what failed from what did not", () => {
    const [drawn] = points({ points: [{ ...point, invocations: 5, errors: 2, p95Ms: 7 }] }, "HOUR");
    expect(drawn).toMatchObject({ succeeded: 3, failed: 2, p95: 7, p50: null });
  });

  it("have times as short as their window allows", () => {
    expect(tick(point.at, "FIVE_MINUTES", "UTC")).toBe("10:30:05");
    expect(tick(point.at, "DAY", "UTC")).toBe("10:30");
    expect(tick(point.at, "WEEK", "UTC")).toMatch(/^Mon.* 10:30$/);
  });

  it("are quiet only when nothing happened and nothing waits", () => {
    expect(quiet({ ...none, points: [point] })).toBe(true);
    expect(quiet({ ...none, points: [{ ...point, waiting: 1 }] })).toBe(false);
    expect(quiet({ ...none, running: 1, points: [point] })).toBe(false);
  });
});
