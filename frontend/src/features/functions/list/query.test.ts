import { describe, expect, it } from "vitest";
import { shownState } from "../model.ts";
import { chosen, fits, joined, nextSort, orderOf, questionOf } from "./query.ts";

const fn = (
  name: string,
  state: "RUNNING" | "STOPPED" | "DEREGISTERED" = "RUNNING",
  updatedAt = "2026-01-01",
  run?: string,
) => ({
  id: name,
  name,
  namespace: "default",
  state,
  updatedAt,
  runtime: "node",
  mode: name === "beta" ? ("JOB" as const) : ("SERVICE" as const),
  currentVersion: { number: 1 } as { number: number } | null,
  builds: { nodes: [] as { state: string }[] },
  runs: { nodes: run ? [{ queuedAt: run }] : [] },
});

describe("a list of functions", () => {
  const all = [
    fn("beta", "STOPPED", "2026-01-03", "2026-01-05"),
    fn("alpha", "RUNNING", "2026-01-02"),
    fn("gone", "DEREGISTERED"),
  ];
  const names = (wanted: Parameters<typeof chosen>[1]) => chosen(all, wanted).map((one) => one.name);

  it("is sorted by name and leaves out those that are gone", () => {
    expect(names({})).toEqual(["alpha", "beta"]);
    expect(names({ state: "DEREGISTERED" })).toEqual(["gone"]);
  });

  it("is searched, filtered and sorted as asked", () => {
    expect(names({ q: "ALP" })).toEqual(["alpha"]);
    expect(names({ state: "STOPPED" })).toEqual(["beta"]);
    expect(names({ mode: "JOB" })).toEqual(["beta"]);
    expect(names({ sort: "-updated" })).toEqual(["beta", "alpha"]);
    expect(names({ sort: "-run" })).toEqual(["beta", "alpha"]);
    expect(names({ sort: "run" })).toEqual(["alpha", "beta"]);
    const calls = new Map([["alpha", [{ calls: 3, errors: 0 }]]]);
    expect(chosen(all, { sort: "-calls" }, calls).map((one) => one.name)).toEqual(["alpha", "beta"]);
  });

  it("is asked of the server by what is wanted, and by an order that the server knows", () => {
    const nothing = { namespace: null, search: null, state: null, buildFailed: null, mode: null, runtime: null };
    expect(questionOf({})).toEqual({ ...nothing, trigger: null });
    expect(questionOf({ q: " Team/Thumb ", failed: "yes", trigger: "EVENT", runtime: "node" })).toEqual({
      ...nothing,
      namespace: "team",
      search: "thumb",
      buildFailed: true,
      runtime: "node",
      trigger: "EVENT",
    });
    expect(questionOf({ q: "a/b", namespace: "shop" })).toMatchObject({ namespace: "shop", search: "b" });
    expect(orderOf("-updated")).toEqual({ orderBy: "UPDATED", descending: true });
    expect(orderOf(undefined)).toEqual({ orderBy: "NAME", descending: false });
    expect(orderOf("-calls")).toEqual({});
  });

  it("loses and gains a function that changes", () => {
    const unbuilt = { ...fn("alpha"), currentVersion: null, builds: { nodes: [{ state: "FAILED" }] } };
    expect([fits(unbuilt, { failed: "yes" }), fits(fn("alpha"), { failed: "yes" })]).toEqual([true, false]);
    expect([fits(unbuilt, { runtime: "node" }), fits(fn("alpha"), { runtime: "node" })]).toEqual([false, true]);
    expect([fits(fn("alpha"), { namespace: "team" }), fits(fn("alpha"), { q: "default/al" })]).toEqual([false, true]);
  });

  it("shows that a build failed where nothing was ever built", () => {
    const failed = { nodes: [{ state: "FAILED" }] };
    expect(shownState({ state: "REGISTERED", builds: failed })).toBe("BUILD_FAILED");
    expect(shownState({ state: "RUNNING", builds: failed })).toBe("RUNNING");
    expect(shownState({ state: "REGISTERED", builds: { nodes: [] } })).toBe("REGISTERED");
  });

  it("is one list of its pages, each function once, and says when it is not complete", () => {
    const page = (ids: string[], hasNextPage: boolean) => ({
      nodes: ids.map((id) => ({ id })),
      totalCount: 5,
      pageInfo: { hasNextPage },
    });
    expect(joined([], 3)).toEqual({ rows: undefined, total: 0, more: false, cut: false });
    expect(joined([page(["a", "b"], true), page(["b", "c"], true)], 3)).toEqual({
      rows: [{ id: "a" }, { id: "b" }, { id: "c" }],
      total: 5,
      more: true,
      cut: false,
    });
    expect(joined([page(["a"], true)], 1)).toMatchObject({ more: false, cut: true });
    expect(joined([page(["a"], false)], 1)).toMatchObject({ more: false, cut: false });
  });

  it("turns around when the same column is asked for again", () => {
    expect([nextSort(undefined, "name"), nextSort("-name", "name"), nextSort("name", "state")]).toEqual([
      "-name",
      "name",
      "state",
    ]);
    expect([nextSort("name", "calls"), nextSort("-calls", "calls")]).toEqual(["-calls", "calls"]);
  });
});
