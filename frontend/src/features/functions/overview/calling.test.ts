import { describe, expect, it } from "vitest";
import { trigger } from "../trigger.fixture.ts";
import { quoted, trouble, ways } from "./calling.ts";

describe("calling a function", () => {
  it("is shown for every trigger that can be called", () => {
    const of = {
      name: "thumbs",
      namespace: "default",
      url: "http://host/function/thumbs",
      triggers: [
        trigger,
        { ...trigger, type: "event", pattern: "file.*", filter: { "data.kind": "image" } },
        { ...trigger, type: "webhook", name: "github", url: "http://host/hooks/default/thumbs/github" },
        { ...trigger, type: "schedule", cron: "@daily" },
      ],
    };
    const found = ways(of, "http://host");
    expect(found.map(({ name }) => name)).toEqual(["HTTP", "HTTP, answered later", "Event", "Webhook github"]);
    expect(found[1]?.command).toContain("'http://host/async-function/thumbs'");
    expect(found[2]?.command).toContain('"type":"file.something","data":{"kind":"image"}');
    expect(ways({ ...of, url: null, triggers: [] }, "http://host")).toEqual([]);
  });

  it("needs no token where everybody may call, and goes to the function's own path, too", () => {
    const open = { ...trigger, auth: "NONE" as const, path: "/shop/*", pathUrl: "http://host/shop" };
    const of = { name: "shop", namespace: "default", url: "http://host/function/shop", triggers: [open] };
    const [http, own, later] = ways(of, "http://host");
    expect([http?.name, own?.name, later?.name]).toEqual(["HTTP", "HTTP at /shop/*", "HTTP, answered later"]);
    expect(http?.command).not.toContain("Authorization");
    expect(own?.command).toContain("'http://host/shop'");
    expect(later?.command).toContain("Authorization");
  });

  it("is one word of a shell whatever stands in it", () => {
    expect(quoted("it's $HOME")).toBe(`'it'\\''s $HOME'`);
  });

  it("went wrong as often as calls that are over failed", () => {
    const run = (state: string, finishedAt: string | null = "2026") => ({ state, finishedAt });
    const newest = run("DEAD");
    expect(trouble([run("RUNNING", null), newest, run("SUCCEEDED"), run("FAILED"), run("CANCELLED")])).toEqual({
      failed: 2,
      of: 3,
      newest,
    });
    expect(trouble([]).newest).toBeUndefined();
  });
});
