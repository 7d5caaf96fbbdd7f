import { describe, expect, it } from "vitest";
import { subjectOf, Waiting } from "./frames.ts";

describe("results that wait for a frame", () => {
  it("are the newest of each thing, in the order in which things first came", () => {
    const waiting = new Waiting<string>();
    waiting.add("runChanged 1", "queued");
    waiting.add("runChanged 2", "queued too");
    waiting.add("runChanged 1", "done");
    expect(waiting.take()).toEqual(["done", "queued too"]);
    expect(waiting.take()).toEqual([]);
  });

  it("are all there when they are about nothing with a name", () => {
    const waiting = new Waiting<number>();
    for (const one of [1, 2, 2]) waiting.add(undefined, one);
    expect(waiting.take()).toEqual([1, 2, 2]);
  });
});

describe("what a result is about", () => {
  it("is the run, build or function in it", () => {
    expect(subjectOf({ runChanged: { position: 7, run: { id: "a", function: { id: "f" } } } })).toBe("runChanged a");
    expect(subjectOf({ buildChanged: { build: { id: "b" } } })).toBe("buildChanged b");
    expect(subjectOf({ functionChanged: { function: { id: "f" } } })).toBe("functionChanged f");
  });

  it("is nothing for what never changes: events, records, lines", () => {
    expect(subjectOf({ eventReceived: { event: { id: "e" } } })).toBeUndefined();
    expect(subjectOf({ history: { position: 1, data: {} } })).toBeUndefined();
    expect(subjectOf({ logs: { position: 1, text: "x", run: "r" } })).toBeUndefined();
    expect(subjectOf(null)).toBeUndefined();
  });
});
