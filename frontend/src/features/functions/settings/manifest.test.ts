import { describe, expect, it } from "vitest";
import {
  filterOf,
  filterRows,
  listOf,
  newTrigger,
  objectOf,
  rowsOf,
  secretsOf,
  triggersOf,
  twice,
  variableFault,
  withCors,
  withField,
  withItem,
  within,
  withMember,
} from "./manifest.ts";

const manifest = {
  runtime: "node",
  unknown: { kept: true },
  env: { LEVEL: "info", EMPTY: "" },
  secrets: ["API_KEY"],
  scaling: { min: 0, max: 4 },
  triggers: [{ type: "http" }, { type: "webhook", name: "gh", secret: "HOOK", prefix: "x" }],
};

describe("a manifest in forms", () => {
  it("keeps what the forms do not know", () => {
    const changed = withMember(manifest, "scaling", "max", 9);
    expect(changed).toEqual({ ...manifest, scaling: { min: 0, max: 9 } });
    expect(withMember(changed, "scaling", "max", undefined).scaling).toEqual({ min: 0 });
    expect(withMember({ runtime: "node" }, "retry", "max_attempts", 1)).toEqual({
      runtime: "node",
      retry: { max_attempts: 1 },
    });
    expect(withField(manifest.triggers[1] ?? {}, "name", "other")).toMatchObject({ prefix: "x", name: "other" });
    expect(withField({ type: "schedule", cron: "@daily", overlap: "forbid" }, "overlap", "")).toEqual({
      type: "schedule",
      cron: "@daily",
    });
  });

  it("has variables in rows, and back", () => {
    const rows = rowsOf(manifest.env);
    expect(objectOf(rows)).toEqual(manifest.env);
    expect(objectOf([...rows, { key: 9, name: "", value: "not yet" }])).toEqual(manifest.env);
    expect([...twice([...rows, { key: 9, name: "LEVEL", value: "" }])]).toEqual(["LEVEL"]);
    expect([variableFault("A_1"), variableFault("1A"), variableFault("A-B")]).toEqual([
      null,
      "Letters, digits and underscores, no digit first",
      "Letters, digits and underscores, no digit first",
    ]);
  });

  it("has filters in rows, and numbers stay numbers and texts texts", () => {
    const filter = { "data.kind": "image", "data.size": 3, "data.code": "3", "data.any": { of: [1, null] } };
    expect(filterRows(filter).map(({ value }) => value)).toEqual(["image", "3", '"3"', '{"of":[1,null]}']);
    expect(filterOf(filterRows(filter))).toEqual(filter);
    expect(filterRows("nothing")).toEqual([]);
  });

  it("answers HTTP when it says nothing of triggers", () => {
    expect(triggersOf({ runtime: "node" })).toEqual([{ type: "http" }]);
    expect(withItem(["a", "b"], 1, undefined)).toEqual(["a"]);
    expect(withItem(["a", "b"], 0, "c")).toEqual(["c", "b"]);
    expect(newTrigger("event")).toEqual({ type: "event", pattern: "" });
  });

  it("names its secrets, each once", () => {
    expect(secretsOf(manifest)).toEqual({ own: ["API_KEY"], webhooks: ["HOOK"] });
    expect(secretsOf({ ...manifest, secrets: ["HOOK"] })).toEqual({ own: ["HOOK"], webhooks: [] });
  });

  it("names its hosts as somebody writes them", () => {
    expect(listOf(" api.example.com,10.1.2.0/24\n db ,")).toEqual(["api.example.com", "10.1.2.0/24", "db"]);
    expect(listOf(" , ")).toEqual([]);
  });

  it("is built when the version says all that it says", () => {
    const full = { ...manifest, handler: "index.handler", retry: { max_attempts: 5 } };
    expect(within({ ...manifest, $schema: "x", watch: {} }, full)).toBe(true);
    expect(within({ ...manifest, env: { LEVEL: "debug" } }, full)).toBe(false);
    expect(within({ ...manifest, env: { LEVEL: "info" } }, full)).toBe(false);
    expect(within({ ...manifest, triggers: [{ type: "http" }] }, full)).toBe(false);
  });

  it("says something about pages of other origins as long as there are any", () => {
    const open = withCors({ type: "http", auth: "none" }, "origins", ["https://a.example"]);
    expect(open).toEqual({ type: "http", auth: "none", cors: { origins: ["https://a.example"] } });
    const more = withCors(open, "credentials", true);
    expect(more.cors).toEqual({ origins: ["https://a.example"], credentials: true });
    expect(withCors(more, "credentials", undefined)).toEqual(open);
    expect(withCors(more, "origins", [])).toEqual({ type: "http", auth: "none" });
    expect(withCors({ type: "http" }, "methods", ["GET"])).toEqual({ type: "http" });
  });
});
