import { describe, expect, it } from "vitest";
import type { FunctionThenQuery } from "../../graphql/generated.ts";
import { bad, compared, joined, nearest, newestAt, placesOf, sentence, variablesOf, who } from "./model.ts";

type Then = NonNullable<FunctionThenQuery["function"]>;

describe("a record", () => {
  const table: [string, unknown, string][] = [
    ["Registered", { source: { type: "git", url: "https://x/y.git" } }, "Registered from https://x/y.git"],
    ["BuildRequested", { source: { type: "git", url: "u", ref: "main" } }, "Build asked for from u @ main"],
    ["BuildStarted", { node: "n1" }, "Build began on n1"],
    ["BuildSucceeded", { version: 3 }, "Build made version 3"],
    [
      "BuildSucceeded",
      { version: 3, commit: "0123456789", size: 771 },
      "Build made version 3 (commit 01234567, 771 B)",
    ],
    [
      "BuildSucceeded",
      { version: 3, made: { type: "artifact", digest: "sha256:00", size: 771 } },
      "Build made version 3 (771 B)",
    ],
    [
      "BuildSucceeded",
      { version: 3, made: { type: "image", reference: "nginx:1", digest: "sha256:00" } },
      "Build made version 3",
    ],
    ["BuildFailed", { error: "no package.json" }, "Build failed: no package.json"],
    ["BuildCancelled", {}, "Build cancelled"],
    ["Started", { version: 1 }, "Started with version 1"],
    ["Stopped", {}, "Stopped"],
    ["Stopped", { reason: "too dear" }, "Stopped: too dear"],
    ["VersionPromoted", { version: 2, previous: 1 }, "Version 2 took over from version 1"],
    [
      "VersionPromoted",
      { version: 2, previous: 3, reason: "v3 is slow" },
      "Rolled back from version 3 to version 2: v3 is slow",
    ],
    [
      "TrafficShifted",
      {
        split: [
          { version: 1, percent: 90 },
          { version: 2, percent: 10 },
        ],
      },
      "Calls are split: version 1 90 %, version 2 10 %",
    ],
    ["InstanceFailed", { version: 2, error: "exit 1" }, "An instance of version 2 failed: exit 1"],
    ["InstanceRecovered", { version: 2 }, "Instances of version 2 answer again"],
    ["Deregistered", {}, "Deregistered permanently"],
    ["MovedHouse", null, "MovedHouse"],
  ];
  it.each(table)("%s %j is described: %s", (type, data, text) => expect(sentence({ type, data })).toBe(text));

  it("of a change says where the code comes from now", () => {
    expect(sentence({ type: "Updated", data: { source: { type: "image", image: "a:1" }, manifest: {} } })).toBe(
      "Changed for the next build: its code comes from a:1, with its own manifest",
    );
  });

  it("is bad when something failed", () => {
    expect(["BuildFailed", "InstanceFailed", "Started"].map(bad)).toEqual([true, true, false]);
  });

  it("has somebody who did it", () => {
    expect(["user:ada", "token:ci", "server:n1", "relay", null].map(who)).toEqual([
      "ada",
      "the token ci",
      "the server n1",
      "relay",
      "unknown",
    ]);
  });
});

describe("records", () => {
  it("are found by a position between them", () => {
    const records = [{ position: 3 }, { position: 8 }];
    expect([2, 3, 7, 99].map((position) => newestAt(records, position)?.position)).toEqual([undefined, 3, 3, 8]);
  });

  it("that come from several answers are kept once, in order", () => {
    const now = [{ position: 3 }, { position: 8 }];
    expect(joined(now, [{ position: 8 }])).toBe(now);
    expect(joined(now, [{ position: 9 }, { position: 1 }, { position: 3 }]).map((one) => one.position)).toEqual([
      1, 3, 8, 9,
    ]);
  });
});

describe("the slider", () => {
  const at = (second: number) => ({ at: new Date(second * 1000).toISOString() });

  it("gives longer times more room, and every record some", () => {
    const places = placesOf([at(0), at(0), at(10), at(100_000)]);
    const [a, b, c, d] = places as [number, number, number, number];
    expect([a, d]).toEqual([0, 1000]);
    expect(b).toBeGreaterThan(20);
    expect(c - b).toBeGreaterThan(b - a);
    expect(d - c).toBeGreaterThan(c - b);
    expect([placesOf([]), placesOf([at(5)])]).toEqual([[], [0]]);
  });

  it("takes the nearest record", () => {
    expect([0, 40, 60, 999].map((place) => nearest([0, 100, 1000], place))).toEqual([0, 0, 1, 2]);
  });
});

describe("a function as it was", () => {
  const then: Then = {
    id: "f",
    name: "f",
    state: "RUNNING",
    stateReason: null,
    mode: "SERVICE",
    runtime: "node",
    position: 4,
    updatedAt: "2026-01-01T00:00:00Z",
    currentVersion: { number: 1, createdAt: "2026-01-01T00:00:00Z", commit: null, manifest: { env: { A: "1" } } },
    source: { type: "git", url: "u", ref: null, path: null, digest: null, image: null },
    triggers: [{ type: "event", pattern: "a.b", cron: null, timezone: null, name: null }],
    versions: { totalCount: 1, nodes: [{ number: 1, commit: null, createdAt: "2026-01-01T00:00:00Z" }] },
    builds: { nodes: [] },
  };

  it("has the variables that its version had", () => {
    expect(variablesOf({ env: { A: "1", B: "two" }, secrets: ["KEY"] })).toBe("A=1, B=two, KEY (secret)");
    expect([variablesOf({}), variablesOf(null), variablesOf({ env: 7, secrets: "x" })]).toEqual([
      "none",
      "none",
      "none",
    ]);
    const now: Then = then.currentVersion
      ? { ...then, currentVersion: { ...then.currentVersion, manifest: { env: { A: "2" } } } }
      : then;
    expect(compared(then, now).filter((fact) => fact.is !== undefined)).toEqual([
      { name: "Variables", was: "A=1", is: "A=2" },
    ]);
  });

  it("stands beside what is something else now", () => {
    const now: Then = { ...then, state: "STOPPED", triggers: [] };
    const other = compared(then, now).filter((fact) => fact.is !== undefined);
    expect(other).toEqual([
      { name: "State", was: "running", is: "stopped" },
      { name: "Triggers", was: "event a.b", is: "none" },
    ]);
    expect(compared(then, then).some((fact) => fact.is !== undefined)).toBe(false);
    expect(compared(then, null).some((fact) => fact.is !== undefined)).toBe(false);
  });
});
