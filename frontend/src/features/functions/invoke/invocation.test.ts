import { describe, expect, it } from "vitest";
import { trigger } from "../trigger.fixture.ts";
import {
  added,
  draftFault,
  excerpt,
  FIRST,
  headerFault,
  over,
  readable,
  restored,
  samples,
  sent,
  split,
} from "./invocation.ts";

describe("a draft", () => {
  it("comes back as it was kept, and whatever is wrong with it as in the first one", () => {
    const draft = { ...FIRST, method: "PUT", path: "/x", headers: [{ key: 0, name: "a", value: "b" }] };
    expect(restored(JSON.stringify(draft))).toEqual(draft);
    for (const bad of [null, "", "{", "[]", "null", '{"method":1,"headers":[null,{"name":1}],"path":{}}']) {
      expect(restored(bad)).toEqual(FIRST);
    }
  });

  it("is sent only when it can be", () => {
    expect(draftFault(FIRST)).toBeNull();
    expect(draftFault({ ...FIRST, payload: "" })).toBeNull();
    expect(draftFault({ ...FIRST, payload: "{" })).toContain("no JSON");
    expect(draftFault({ ...FIRST, headers: added([], "bad name", "") })).toContain("bad name");
  });

  it("takes a pasted address apart", () => {
    expect(split("/a/b?x=1&y=2")).toEqual({ path: "/a/b", query: "x=1&y=2" });
    expect(split("https://host:1/a?")).toEqual({ path: "/a", query: "" });
    expect(split("a")).toEqual({ path: "/a", query: null });
  });
});

describe("rows of headers", () => {
  it("keep their keys, and those without a name are not sent", () => {
    const rows = added(added([], "x-a", " 1 "));
    expect(rows.map(({ key }) => key)).toEqual([0, 1]);
    expect(added([rows[1] as (typeof rows)[1]]).map(({ key }) => key)).toEqual([1, 2]);
    expect(sent(rows)).toEqual([{ name: "x-a", value: "1" }]);
    expect([headerFault("x-a"), headerFault(""), headerFault("a b"), headerFault("ä:")]).toEqual([
      null,
      null,
      "Letters, digits and hyphens",
      "Letters, digits and hyphens",
    ]);
  });
});

describe("samples", () => {
  it("are there for every way that a function is triggered", () => {
    const found = samples([
      trigger,
      { ...trigger, type: "event", pattern: "file.*", filter: { "data.kind": "image" } },
      { ...trigger, type: "webhook", name: "gh", scheme: "github" },
      { ...trigger, type: "schedule", cron: "@daily", timezone: "UTC" },
    ]);
    expect(found.map(({ label }) => label)).toEqual([
      "JSON by POST",
      "GET with a query",
      "Event file.something",
      "Webhook gh",
      "Schedule @daily",
    ]);
    expect(JSON.parse(found[2]?.change.payload ?? "")).toEqual({ kind: "image" });
    for (const { change } of found) expect(draftFault({ ...FIRST, ...change })).toBeNull();
  });
});

describe("a result", () => {
  it("is text as it is, and JSON in lines", () => {
    expect(readable("<b>hello</b>")).toBe("<b>hello</b>");
    expect(readable({ a: 1 })).toBe('{\n  "a": 1\n}');
    expect(readable(undefined)).toBe("null");
    expect(excerpt('{ "a":  1 }')).toBe('{"a":1}');
    expect(excerpt("x".repeat(99), 5)).toBe("xxxxx…");
    expect([over("DEAD"), over("RETRYING")]).toEqual([true, false]);
  });
});
