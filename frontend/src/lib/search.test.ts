import { describe, expect, it } from "vitest";
import { compact, localPath, moment, oneOf, text, whole } from "./search.ts";

describe("what a URL says", () => {
  it("is taken when it fits, and left out when not", () => {
    const raw = { q: "thumb", n: 7, state: "RUNNING", bad: { x: 1 }, at: "12", minus: -1 };
    expect([text(raw, "q"), text(raw, "n"), text(raw, "bad"), text(raw, "none")]).toEqual([
      "thumb",
      "7",
      undefined,
      undefined,
    ]);
    expect([oneOf(raw, "state", ["RUNNING"]), oneOf(raw, "q", ["RUNNING"])]).toEqual(["RUNNING", undefined]);
    expect([whole(raw, "at"), whole(raw, "minus"), whole(raw, "q")]).toEqual([12, undefined, undefined]);
    expect(compact({ a: 1, b: undefined })).toEqual({ a: 1 });
  });

  it("leads to no other site after signing in", () => {
    expect(localPath("/runs?state=DEAD")).toBe("/runs?state=DEAD");
    for (const evil of [
      "//evil.example",
      "/\\evil.example",
      "https://evil.example",
      "javascript:alert(1)",
      "/\t/evil.example",
      "/\n/evil.example",
      undefined,
    ]) {
      expect(localPath(evil)).toBe("/functions");
    }
  });
});

describe("a time in a URL", () => {
  it("is a whole one or none", () => {
    const of = (value: unknown) => moment({ t: value }, "t");
    expect(of("2026-03-01T12:00:00Z")).toBe("2026-03-01T12:00:00.000Z");
    expect([of("2026-13-01T12:00:00Z"), of("yesterday"), of(5), of(undefined)]).toEqual(Array(4).fill(undefined));
  });
});
