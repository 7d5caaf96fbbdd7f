import { describe, expect, it } from "vitest";
import { dataFor, typeFor } from "./sample.ts";

describe("a sample of an event", () => {
  it("has a type that the pattern takes, and data that the filter takes", () => {
    expect([typeFor("order.created"), typeFor("a.*.b.**")]).toEqual(["order.created", "a.something.b.something"]);
    expect(dataFor({ "data.a.b": 1, "data.a.c": "x", subject: "y" })).toEqual({ a: { b: 1, c: "x" } });
    expect(dataFor(null)).toEqual({});
  });

  it("is not poisoned by a filter", () => {
    const data = dataFor(JSON.parse('{"data.__proto__.polluted": true}'));
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
    expect(JSON.stringify(data)).toBe('{"__proto__":{"polluted":true}}');
  });
});
