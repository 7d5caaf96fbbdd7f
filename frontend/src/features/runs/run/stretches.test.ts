import { describe, expect, it } from "vitest";
import { reasonOf, timeline } from "./stretches.ts";

const at = (second: number) => new Date(second * 1000).toISOString();
const record = (type: string, second: number, data: object = {}) => ({ type, at: at(second), data });
const brief = (stretches: ReturnType<typeof timeline>) =>
  stretches.map(({ kind, attempt, from, to, outcome }) => [kind, attempt, from / 1000, to / 1000, outcome]);

describe("the timeline of a run", () => {
  it("waits, runs and is over", () => {
    const records = [record("Requested", 0), record("Started", 2, { attempt: 1 }), record("Succeeded", 5)];
    expect(brief(timeline(records, 99_000))).toEqual([
      ["waiting", 0, 0, 2, undefined],
      ["running", 1, 2, 5, "succeeded"],
    ]);
  });

  it("shows each attempt, and the pauses between them", () => {
    const records = [
      record("Requested", 0),
      record("Started", 1, { attempt: 1 }),
      record("AttemptFailed", 2, { error: "boom" }),
      record("Started", 4, { attempt: 2 }),
      record("DeadLettered", 5, { error: "boom again" }),
    ];
    const stretches = timeline(records, 99_000);
    expect(brief(stretches)).toEqual([
      ["waiting", 0, 0, 1, undefined],
      ["running", 1, 1, 2, "failed"],
      ["pausing", 1, 2, 4, undefined],
      ["running", 2, 4, 5, "failed"],
    ]);
    expect(stretches.map((one) => one.error)).toEqual([undefined, "boom", undefined, "boom again"]);
  });

  it("does not go on after an attempt that failed for good", () => {
    const records = [
      record("Requested", 0),
      record("Started", 1),
      record("AttemptFailed", 2),
      record("DeadLettered", 2),
    ];
    expect(brief(timeline(records, 99_000)).at(-1)).toEqual(["pausing", 1, 2, 2, undefined]);
  });

  it("goes on until now when the run does", () => {
    expect(brief(timeline([record("Requested", 0), record("Started", 1)], 9_000)).at(-1)).toEqual([
      "running",
      1,
      1,
      9,
      undefined,
    ]);
  });

  it("says when a server was lost and another took over", () => {
    const records = [
      record("Requested", 0),
      record("Started", 1, { attempt: 1 }),
      record("Started", 9, { attempt: 2 }),
      record("Succeeded", 10),
    ];
    expect(brief(timeline(records, 99_000))[1]).toEqual(["running", 1, 1, 9, "lost"]);
  });

  it("waits on when an attempt is taken back, and goes on waiting while it cannot be offered", () => {
    const records = [
      record("Requested", 0),
      record("Deferred", 1, { reason: "no instance starts" }),
      record("Started", 4, { attempt: 1 }),
      record("Deferred", 5, { attempt: 1, reason: "it takes no connections" }),
      record("Started", 9, { attempt: 2 }),
      record("Succeeded", 10),
    ];
    expect(timeline(records, 99_000).map(({ kind, from, to }) => [kind, from / 1000, to / 1000])).toEqual([
      ["waiting", 0, 4],
      ["running", 4, 5],
      ["waiting", 5, 9],
      ["running", 9, 10],
    ]);
  });
});

describe("the timeline of other runs", () => {
  it("is made of one record for a synchronous call", () => {
    const records = [
      record("Answered", 5, {
        queued_at: at(1),
        started_at: at(3),
        ran: 2,
        ending: "failed",
        error: "500",
        outcome: { cold_start: true, instance: "i-1" },
      }),
    ];
    expect(timeline(records, 99_000)).toEqual([
      { kind: "waiting", attempt: 0, from: 1000, to: 3000 },
      {
        kind: "running",
        attempt: 1,
        from: 3000,
        to: 5000,
        outcome: "failed",
        error: "500",
        version: 2,
        instance: "i-1",
        cold: true,
      },
    ]);
    expect(timeline([record("Answered", 5, { queued_at: at(1), ending: "timed_out" })], 0)).toMatchObject([
      { kind: "waiting", from: 1000, to: 5000, outcome: "timed out" },
    ]);
  });

  it("delivers its outcome to the callback, as often as it takes", () => {
    const records = [
      record("Requested", 0, { request: { callback: "https://example.com" } }),
      record("Started", 1, { attempt: 1 }),
      record("Succeeded", 2),
      record("CallbackFailed", 3, { attempt: 1, error: "refused", due: at(4) }),
      record("CallbackDelivered", 5, { attempt: 2 }),
    ];
    expect(brief(timeline(records, 99_000)).slice(2)).toEqual([
      ["callback", 1, 2, 3, "failed"],
      ["callback", 2, 3, 5, "succeeded"],
    ]);
    expect(timeline(records.slice(0, 3), 9_000).at(-1)).toMatchObject({ kind: "callback", to: 9000, open: true });
    expect(timeline([...records.slice(0, 3), record("CallbackFailed", 3, { attempt: 5 })], 9_000).length).toBe(3);
  });

  it("is not changed by what becomes of a dead letter", () => {
    const records = [record("Requested", 0), record("Started", 1), record("DeadLettered", 2), record("Redriven", 50)];
    expect(brief(timeline(records, 99_000)).at(-1)).toEqual(["running", 1, 1, 2, "failed"]);
  });

  it("knows an attempt that took too long, and one that began cold", () => {
    const records = [
      record("Requested", 0),
      record("Started", 1, { attempt: 1 }),
      record("AttemptFailed", 2, { failure: { error: "slow", timed_out: true, outcome: { cold_start: true } } }),
    ];
    expect(timeline(records, 9_000)[1]).toMatchObject({ outcome: "timed out", error: "slow", cold: true });
  });

  it("has its reason wherever the record keeps it", () => {
    expect([{ error: "a" }, { outcome: { error: "b" } }, { reason: { code: 1 } }, {}].map(reasonOf)).toEqual([
      "a",
      "b",
      '{"code":1}',
      undefined,
    ]);
  });
});
