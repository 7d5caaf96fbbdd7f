import { describe, expect, it } from "vitest";
import { leads, wantsRun } from "./cache.ts";

const run = {
  state: "RUNNING",
  trigger: "file.uploaded",
  version: 3,
  queuedAt: "2026-01-01T12:00:00Z",
  function: { id: "f", name: "f", namespace: "default" },
} as Parameters<typeof wantsRun>[1];

describe("a list of runs", () => {
  it("of everything has every run", () => {
    expect(wantsRun({ function: null, state: null, since: null }, run)).toBe(true);
  });

  it("has only runs of its function, its state and its time", () => {
    expect(wantsRun({ function: "f", state: "RUNNING", since: "2026-01-01T12:00:00.000Z" }, run)).toBe(true);
    expect(wantsRun({ function: "g" }, run)).toBe(false);
    expect(wantsRun({ state: "QUEUED" }, run)).toBe(false);
    expect(wantsRun({ since: "2026-01-01T12:00:01Z" }, run)).toBe(false);
    expect(wantsRun({ until: "2026-01-01T12:00:00Z" }, run)).toBe(false);
    expect(wantsRun({ until: "2026-01-01T12:00:01Z" }, run)).toBe(true);
  });

  it("has only runs of its trigger and its version", () => {
    expect(wantsRun({ trigger: "file.uploaded", version: 3 }, run)).toBe(true);
    expect(wantsRun({ trigger: null, version: null }, run)).toBe(true);
    expect(wantsRun({ trigger: "file.deleted" }, run)).toBe(false);
    expect(wantsRun({ version: 2 }, run)).toBe(false);
  });
});

describe("the newest run of a function", () => {
  it("is the one that was asked for last, however the times are written", () => {
    expect(leads("2026-01-01T12:00:00.5Z", "2026-01-01T12:00:00Z")).toBe(true);
    expect(leads("2026-01-01T12:00:00Z", "2026-01-01T13:00:00+01:00")).toBe(false);
  });
});
