import { describe, expect, it } from "vitest";
import { asText, finder, indexAt, type Line, Lines, View, type Wanted } from "./lines.ts";

const EVERYTHING: Wanted = { stream: "all", least: "all", only: false };

const line = (position: number, text = `line ${position}`, stream: Line["stream"] = "STDOUT"): Line => ({
  position,
  at: "2026-03-01T12:00:00Z",
  stream,
  text,
  run: null,
  instance: null,
});
const many = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => line(from + i));
const positions = (lines: readonly Line[]) => lines.map((one) => one.position);

describe("lines of a log", () => {
  it("that come twice are kept once", () => {
    const lines = new Lines();
    lines.add([line(1), line(2)]);
    lines.add([line(2), line(3)]);
    expect(positions(lines.all)).toEqual([1, 2, 3]);
    expect(lines.last).toBe(3);
  });

  it("are bounded, and it is known how many went", () => {
    const lines = new Lines(10);
    lines.add(many(1, 11));
    expect([lines.all.length, lines.dropped]).toEqual([11, 0]);
    lines.add(many(12, 25));
    expect([lines.all.length, lines.dropped, lines.first, lines.last]).toEqual([10, 15, 16, 25]);
  });

  it("that are older come before, each once, as far as there is room", () => {
    const lines = new Lines(10);
    lines.add(many(11, 14));
    lines.prepend(many(1, 12));
    expect(positions(lines.all)).toEqual([5, 6, 7, 8, 9, 10, 11, 12, 13, 14]);
    expect([lines.first, lines.full]).toEqual([5, true]);
  });

  it("are found by their position, or by where it would be", () => {
    expect([0, 3, 4, 5, 9].map((position) => indexAt([line(3), line(5)], position))).toEqual([0, 0, 1, 1, 2]);
  });

  it("are kept as a text without colours", () => {
    expect(asText([line(1, "\u001b[31mred\u001b[0m", "STDERR")])).toBe("2026-03-01T12:00:00Z STDERR red\n");
  });
});

describe("what is wanted of a log", () => {
  const show = (lines: readonly Line[], wanted: Partial<Wanted>, search: RegExp | null = null) => {
    const view = new View();
    view.update(lines, { ...EVERYTHING, ...wanted }, search);
    return [positions(view.shown), [...view.found]];
  };
  const all = [
    line(1, "\u001b[31mred\u001b[0m apple"),
    line(2, "green pear", "STDERR"),
    line(3, "WARN Red pear"),
    line(4, "Building", "SYSTEM"),
  ];

  it("is by stream and by level", () => {
    expect(show(all, { stream: "err" })[0]).toEqual([2]);
    expect(show(all, { stream: "out" })[0]).toEqual([1, 3, 4]);
    expect(show(all, { least: "warn" })[0]).toEqual([2, 3]);
    expect(show(all, { least: "system" })[0]).toEqual([4]);
  });

  it("is searched without its colours, with or without regard to case, as it is written", () => {
    expect(show(all, {}, finder("RED ", false))).toEqual([
      [1, 2, 3, 4],
      [1, 3],
    ]);
    expect(show(all, { only: true }, finder("Red", true))).toEqual([[3], [3]]);
    expect(show([line(1, "a.b"), line(2, "axb")], {}, finder("a.b", false))[1]).toEqual([1]);
    expect(finder("  ", false)).toBeNull();
  });

  it("keeps up with lines that come, go, and are found to be older, like looking at all of them anew", () => {
    const lines = new Lines(200);
    const wanted: Wanted = { stream: "all", least: "all", only: true };
    const search = finder("7", false);
    const view = new View();
    const same = () => {
      view.update(lines.all, wanted, search);
      const anew = new View();
      anew.update(lines.all, wanted, search);
      expect([positions(view.shown), view.found]).toEqual([positions(anew.shown), anew.found]);
      expect(view.shown.length).toBeGreaterThan(0);
    };
    lines.add(many(501, 580));
    same();
    lines.prepend(many(441, 500));
    same();
    lines.add(many(581, 585));
    same();
    for (let from = 586; from < 1200; from += 37) {
      lines.add(many(from, from + 36));
      same();
    }
    expect(lines.dropped).toBeGreaterThan(0);
  });

  it("is all lines themselves when nothing is left out", () => {
    const lines = many(1, 5);
    const view = new View();
    view.update(lines, EVERYTHING, null);
    expect(view.shown).toBe(lines);
  });
});
