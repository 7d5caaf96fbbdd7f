import { describe, expect, it } from "vitest";
import { allowed, broken, rolledBack, unset } from "./model.ts";

describe("a function", () => {
  it("can be started only when it has a version and does not run", () => {
    const version = { number: 1, createdAt: "" };
    expect(allowed({ state: "REGISTERED", currentVersion: null }).start).toBe(false);
    expect(allowed({ state: "STOPPED", currentVersion: version }).start).toBe(true);
    expect(allowed({ state: "RUNNING", currentVersion: version })).toMatchObject({
      start: false,
      stop: true,
      invoke: true,
    });
    expect(Object.values(allowed({ state: "DEREGISTERED", currentVersion: version })).some(Boolean)).toBe(false);
  });

  it("is broken when it should run and there is a reason why not", () => {
    const updatedAt = "2026-03-01T12:00:00Z";
    const of = { state: "RUNNING" as const, stateReason: "crashed", updatedAt, instances: [], runs: { nodes: [] } };
    expect(broken(of)).toBe(true);
    expect(broken({ ...of, stateReason: null })).toBe(false);
    expect(broken({ ...of, state: "STOPPED", stateReason: "by hand" })).toBe(false);
  });

  it("is not broken any more when it answers again", () => {
    const updatedAt = "2026-03-01T12:00:00Z";
    const run = { state: "SUCCEEDED" as const, httpStatus: null, queuedAt: "2026-03-01T12:00:01Z" };
    const of = { state: "RUNNING" as const, stateReason: "crashed", updatedAt, instances: [], runs: { nodes: [run] } };
    const last = (other: Partial<Parameters<typeof broken>[0]["runs"]["nodes"][number]>) =>
      broken({ ...of, runs: { nodes: [{ ...run, ...other }] } });
    expect(last({})).toBe(false);
    expect(last({ state: "FAILED", httpStatus: 500 })).toBe(false);
    expect(last({ state: "DEAD" })).toBe(true);
    expect(last({ queuedAt: "2026-03-01T11:59:59Z" })).toBe(true);
    expect(broken({ ...of, runs: { nodes: [] }, instances: [{ state: "ready" }] })).toBe(false);
    expect(broken({ ...of, runs: { nodes: [] }, instances: [{ state: "starting" }] })).toBe(true);
  });

  it("lacks the secrets that are not set in its namespace", () => {
    const set = [
      { namespace: "default", name: "A" },
      { namespace: "other", name: "B" },
    ];
    expect(unset({ secrets: ["A", "B", 7] }, "default", set)).toEqual(["B"]);
    expect([unset({}, "default", set), unset(null, "default", set), unset({ secrets: "A" }, "default", [])]).toEqual([
      [],
      [],
      [],
    ]);
  });

  it("knows when an older version answers", () => {
    expect(rolledBack(1, 3)).toEqual({ answers: 1, newest: 3 });
    expect([rolledBack(3, 3), rolledBack(undefined, 3), rolledBack(1, undefined)]).toEqual([null, null, null]);
  });
});
