import { describe, expect, it } from "vitest";
import { fromInput, spanOf, toInput } from "./span.ts";

describe("a span of time", () => {
  it("is looked for from a whole minute on, or between two times", () => {
    const now = Date.parse("2026-01-01T12:00:42Z");
    expect(spanOf({ since: "hour", from: "ignored" }, now)).toEqual({ since: "2026-01-01T11:00:00.000Z", until: null });
    expect(spanOf({ from: "a", until: "b" }, now)).toEqual({ since: "a", until: "b" });
    expect(spanOf({}, now)).toEqual({ since: null, until: null });
  });

  it("has a time that goes into an input and comes out the same", () => {
    const time = new Date(2026, 2, 1, 9, 5).toISOString();
    expect(toInput(time)).toBe("2026-03-01T09:05");
    expect(fromInput(toInput(time))).toBe(time);
    expect([toInput(undefined), fromInput(""), fromInput("20")].slice(0, 2)).toEqual(["", undefined]);
  });
});
