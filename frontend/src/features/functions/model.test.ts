import { describe, expect, it } from "vitest";
import { allowed, broken, chosen, nameFrom, nextSort, origin } from "./model.ts";

const fn = (name: string, state: "RUNNING" | "STOPPED" | "DEREGISTERED" = "RUNNING", updatedAt = "2026-01-01") => ({
  name,
  namespace: "default",
  state,
  updatedAt,
  runtime: "node",
});

describe("a list of functions", () => {
  const all = [fn("beta", "STOPPED", "2026-01-03"), fn("alpha", "RUNNING", "2026-01-02"), fn("gone", "DEREGISTERED")];
  const names = (wanted: Parameters<typeof chosen>[1]) => chosen(all, wanted).map((one) => one.name);

  it("is sorted by name and leaves out those that are gone", () => {
    expect(names({})).toEqual(["alpha", "beta"]);
    expect(names({ state: "DEREGISTERED" })).toEqual(["gone"]);
  });

  it("is searched, filtered and sorted as asked", () => {
    expect(names({ q: "ALP" })).toEqual(["alpha"]);
    expect(names({ state: "STOPPED" })).toEqual(["beta"]);
    expect(names({ sort: "-updated" })).toEqual(["beta", "alpha"]);
  });

  it("turns around when the same column is asked for again", () => {
    expect([nextSort(undefined, "name"), nextSort("-name", "name"), nextSort("name", "state")]).toEqual([
      "-name",
      "name",
      "state",
    ]);
  });
});

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
    expect(broken({ state: "RUNNING", stateReason: "crashed" })).toBe(true);
    expect(broken({ state: "STOPPED", stateReason: "by hand" })).toBe(false);
  });

  it("gets a name from its address", () => {
    expect(
      ["https://github.com/a/Thumbs.git", "git@host:a/my_fn", "/srv/repos/hello/", "app.tar.gz"].map(nameFrom),
    ).toEqual(["thumbs", "my-fn", "hello", "app"]);
  });

  it("says where it comes from", () => {
    const source = { type: "git", url: "https://x/y", ref: "main", path: "fn", digest: null, image: null };
    expect(origin(source)).toBe("https://x/y @ main in fn");
  });
});
