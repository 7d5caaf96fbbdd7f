import { describe, expect, it } from "vitest";
import { bytes, duration, relative, short } from "./time.ts";

describe("a time", () => {
  const now = Date.parse("2026-03-01T12:00:00Z");
  it.each([
    ["2026-03-01T11:59:58Z", "just now"],
    ["2026-03-01T12:00:02Z", "now"],
    ["2026-03-01T11:59:30Z", "30 sec. ago"],
    ["2026-03-01T11:00:00Z", "1 hr. ago"],
    ["2026-03-01T12:10:00Z", "in 10 min."],
    ["no time", "–"],
  ])("%s is shown as %s", (time, text) => {
    expect(relative(time, now)).toBe(text);
  });
});

describe("amounts", () => {
  it("have the unit that reads best", () => {
    expect([0.2, 12.4, 3400, 125_000, 7_500_000].map(duration)).toEqual([
      "< 1 ms",
      "12 ms",
      "3.40 s",
      "2 min 5 s",
      "2 h 5 min",
    ]);
    expect([771, 1536, 3 << 20].map(bytes)).toEqual(["771 B", "1.5 KiB", "3.0 MiB"]);
    expect(duration(null)).toBe("–");
  });

  it("of a digest are its first characters", () => {
    expect(short("sha256:74e6979b72d4")).toBe("74e6979b");
    expect(short(null)).toBe("–");
  });
});
