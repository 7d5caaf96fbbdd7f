import { describe, expect, it } from "vitest";
import { marked, pieces, plain } from "./ansi.ts";

const ESC = "\u001b";

describe("a line of a log", () => {
  it("without colours is one piece", () => {
    expect(pieces("hello")).toEqual([{ text: "hello" }]);
  });

  it("has its colours as names", () => {
    expect(pieces(`a ${ESC}[1;31mred${ESC}[0m b`)).toEqual([
      { text: "a " },
      { text: "red", fg: "ansi-red", bold: true },
      { text: " b" },
    ]);
  });

  it("has true colours as numbers, and nothing else there", () => {
    expect(pieces(`${ESC}[38;2;1;2;3mx`)).toEqual([{ text: "x", fg: "rgb(1, 2, 3)" }]);
  });

  it("stays text when it is hostile", () => {
    const hostile = `<script>alert(1)</script>${ESC}[31m<img src=x onerror=alert(1)>&lt;`;
    expect(
      pieces(hostile)
        .map((piece) => piece.text)
        .join(""),
    ).toBe("<script>alert(1)</script><img src=x onerror=alert(1)>&lt;");
  });

  it("cannot move the cursor, set the title, make links or turn the text around", () => {
    const hostile = `a${ESC}]0;title\u0007b${ESC}]8;;http://x${ESC}\\c${ESC}[2Jd\u202ee\u0000f${ESC}`;
    expect(plain(hostile)).toBe("abcdef");
    expect(
      pieces(hostile)
        .map((piece) => piece.text)
        .join(""),
    ).toBe("abcdef");
  });
});

describe("what is searched for", () => {
  const rendered = (text: string, search: RegExp) =>
    marked(pieces(text), search).map((piece) => (piece.mark ? `<${piece.text}>` : piece.text));

  it("is marked wherever it is, and keeps its colour", () => {
    expect(rendered("one two one", /one/gu)).toEqual(["<one>", " two ", "<one>"]);
    expect(marked(pieces("\u001b[31mred pear\u001b[0m"), /pear/gu)).toEqual([
      { text: "red ", fg: "ansi-red" },
      { text: "pear", fg: "ansi-red", mark: true },
    ]);
  });

  it("is marked across colours", () => {
    expect(rendered("a\u001b[31mbc\u001b[0md", /bcd|ab/gu)).toEqual(["<a>", "<b>", "c", "d"]);
  });

  it("is nothing where nothing is found", () => {
    expect(rendered("abc", /x/gu)).toEqual(["abc"]);
  });
});
