import { describe, expect, it } from "vitest";
import { filtered, type Line, Lines } from "./lines.ts";

const line = (position: number, text = `line ${position}`, stream: Line["stream"] = "STDOUT"): Line => ({
  position,
  at: "2026-03-01T12:00:00Z",
  stream,
  text,
  run: null,
  instance: null,
});

describe("lines of a log", () => {
  it("that come twice are kept once", () => {
    const lines = new Lines();
    lines.add([line(1), line(2)]);
    lines.add([line(2), line(3)]);
    expect(lines.all.map((one) => one.position)).toEqual([1, 2, 3]);
    expect(lines.last).toBe(3);
  });

  it("are bounded, and it is known how many went", () => {
    const lines = new Lines(10);
    lines.add(Array.from({ length: 25 }, (_, i) => line(i + 1)));
    expect(lines.all.length).toBe(9);
    expect(lines.dropped).toBe(16);
    expect(lines.last).toBe(25);
  });

  it("are searched without their colours", () => {
    const all = [line(1, "\u001b[31mred\u001b[0m apple"), line(2, "green pear", "STDERR")];
    expect(filtered(all, { search: "RED APPLE", stream: "all" }).map((one) => one.position)).toEqual([1]);
    expect(filtered(all, { search: "", stream: "err" }).map((one) => one.position)).toEqual([2]);
    expect(filtered(all, { search: " ", stream: "all" })).toBe(all);
  });
});
