import { describe, expect, it } from "vitest";
import { bad, newestAt, sentence } from "./model.ts";

describe("a record", () => {
  it("is told with its version and its reason", () => {
    expect(sentence({ type: "BuildSucceeded", data: { version: 3 } })).toBe("Build made version 3");
    expect(sentence({ type: "VersionPromoted", data: { version: 2, reason: "v3 is slow" } })).toBe(
      "Version 2 took over: v3 is slow",
    );
    expect(sentence({ type: "Stopped", data: {} })).toBe("Stopped");
  });

  it("of a kind that is new is told by its name", () => {
    expect(sentence({ type: "MovedHouse", data: null })).toBe("MovedHouse");
  });

  it("is bad when something failed", () => {
    expect(["BuildFailed", "InstanceFailed", "Started"].map(bad)).toEqual([true, true, false]);
  });

  it("is found by a position between records", () => {
    const records = [{ position: 3 }, { position: 8 }];
    expect([2, 3, 7, 99].map((position) => newestAt(records, position)?.position)).toEqual([undefined, 3, 3, 8]);
  });
});
