import { describe, expect, it } from "vitest";
import { tookOf } from "./model.ts";

describe("a build", () => {
  it("took as long as it was worked on, once it is over", () => {
    expect(tookOf({ startedAt: "2026-01-01T00:00:01Z", finishedAt: "2026-01-01T00:00:03.5Z" })).toBe(2500);
    expect(tookOf({ startedAt: "2026-01-01T00:00:01Z", finishedAt: null })).toBeNull();
    expect(tookOf({ startedAt: null, finishedAt: "2026-01-01T00:00:03Z" })).toBeNull();
  });
});
