import { describe, expect, it } from "vitest";
import { changesOf, paths, phasesOf, tookCommit, tookOf } from "./model.ts";

const at = (second: number) => new Date(second * 1000).toISOString();
const line = (second: number, text: string, stream: "SYSTEM" | "STDERR" = "SYSTEM") => ({
  at: at(second),
  text,
  stream,
});

describe("a build", () => {
  it("took as long as it was worked on, once it is over", () => {
    expect(tookOf({ startedAt: at(1), finishedAt: at(3.5) })).toBe(2500);
    expect(tookOf({ startedAt: at(1), finishedAt: null })).toBeNull();
    expect(tookOf({ startedAt: null, finishedAt: at(3) })).toBeNull();
  });
});

describe("the commit of a build", () => {
  it("is the one that EventFlow says that it took", () => {
    expect(tookCommit([line(1, "Took commit bad0bad", "STDERR"), line(2, "Took commit 0123abc")])).toBe("0123abc");
    expect(tookCommit([line(1, "Took commit <b>")])).toBeUndefined();
  });
});

describe("the parts of a build", () => {
  const brief = (phases: ReturnType<typeof phasesOf>) =>
    phases.map((phase) => [phase.name, phase.from / 1000, phase.to / 1000, phase.open]);

  it("are those that its log shows", () => {
    const build = { state: "SUCCEEDED" as const, requestedAt: at(0), startedAt: at(1), finishedAt: at(20) };
    const lines = [
      line(1, "Building default/f"),
      line(2, "Fetching main of https://x/y"),
      line(3, "$ not a command, but what a tool wrote", "STDERR"),
      line(5, "Took commit abc"),
      line(6, "$ npm ci"),
      line(20, "Built sha256:0 (1 byte)"),
    ];
    expect(brief(phasesOf(build, lines, 99_000))).toEqual([
      ["Waits for a server", 0, 1, false],
      ["Prepare", 1, 2, false],
      ["Fetch the source", 2, 5, false],
      ["Read the manifest", 5, 6, false],
      ["Run npm ci", 6, 20, false],
    ]);
  });

  it("of an image are its pull and its first start", () => {
    const build = { state: "SUCCEEDED" as const, requestedAt: at(0), startedAt: at(1), finishedAt: at(9) };
    const lines = [
      line(2, "Pulling nginx:alpine"),
      line(5, "It is sha256:0"),
      line(6, "Starting it once, as it will be started"),
    ];
    expect(brief(phasesOf(build, lines, 99_000)).slice(2)).toEqual([
      ["Pull the image", 2, 6, false],
      ["Start it once", 6, 9, false],
    ]);
  });

  it("go on until now while it does", () => {
    const build = { state: "RUNNING" as const, requestedAt: at(0), startedAt: at(1), finishedAt: null };
    expect(brief(phasesOf(build, [line(2, "Fetching x")], 9_000)).at(-1)).toEqual(["Fetch the source", 2, 9, true]);
    const queued = { ...build, state: "QUEUED" as const, startedAt: null };
    expect(brief(phasesOf(queued, [], 9_000))).toEqual([["Waits for a server", 0, 9, true]]);
    const cancelled = { ...queued, state: "CANCELLED" as const, finishedAt: at(4) };
    expect(brief(phasesOf(cancelled, [], 9_000))).toEqual([["Waits for a server", 0, 4, false]]);
  });

  it("are one when the log is gone", () => {
    const build = { state: "SUCCEEDED" as const, requestedAt: at(0), startedAt: at(1), finishedAt: at(3) };
    expect(brief(phasesOf(build, [], 0)).at(-1)).toEqual(["Prepare", 1, 3, false]);
    expect(brief(phasesOf({ ...build, finishedAt: at(1) }, [], 0)).at(-1)).toEqual(["Build", 1, 1, false]);
  });
});

describe("what changed with a build", () => {
  const record = (position: number, type: string, data: object) => ({ position, type, data });
  const records = [
    record(1, "BuildRequested", { build: "a", source: { type: "git", url: "u" } }),
    record(2, "BuildSucceeded", { build: "a", version: 1, commit: "c1", manifest: { env: { A: "1" }, mode: "job" } }),
    record(3, "BuildRequested", { build: "b", source: { type: "git", url: "u" } }),
    record(4, "BuildFailed", { build: "b" }),
    record(5, "BuildRequested", { build: "c", source: { type: "git", url: "u", ref: "next" } }),
    record(6, "BuildSucceeded", { build: "c", version: 2, commit: "c2", manifest: { env: { A: "2" }, mode: "job" } }),
  ];

  it("is seen against the last version that was made", () => {
    expect(changesOf("c", records)).toEqual({
      before: 1,
      after: 2,
      commit: ["c1", "c2"],
      image: [undefined, undefined],
      source: ["u", "u @ next"],
      manifest: ["env.A"],
    });
    expect(changesOf("b", records)).toMatchObject({ before: 1, after: undefined, source: undefined });
    expect(changesOf("b", records)?.manifest).toBeUndefined();
  });

  it("is everything for the first, and nothing known without its record", () => {
    expect(changesOf("a", records)).toMatchObject({ before: undefined, after: 1, commit: [undefined, "c1"] });
    expect(changesOf("x", records)).toBeUndefined();
  });

  it("is recognized by its path", () => {
    expect(paths({ a: 1, b: [1] }, { a: 1, b: [2], c: null })).toEqual(["b", "c"]);
    expect(paths({ a: 1 }, { a: 1 })).toEqual([]);
    expect(paths(1, 2)).toEqual(["all of it"]);
  });
});
