import { describe, expect, it } from "vitest";
import { filesOf, named, TEMPLATES, type TemplateName } from "./templates.ts";

describe("a template", () => {
  it.each(Object.keys(TEMPLATES) as TemplateName[])("%s has the file that its handler or command names", (name) => {
    const files = filesOf(name);
    const manifest = JSON.parse(files["function.json"] ?? "") as {
      handler?: string;
      command?: string[];
      runtime: string;
    };
    const stem = manifest.handler?.split(".")[0] ?? manifest.command?.[1] ?? "app";
    expect(Object.keys(files).some((file) => file === stem || file.replace(/\.\w+$/, "") === stem)).toBe(true);
  });

  it("is sent with the name that was chosen, and as it is when it cannot be read", () => {
    expect(JSON.parse(named('{"runtime":"node"}', "thumbs"))).toEqual({ name: "thumbs", runtime: "node" });
    expect(JSON.parse(named('{"runtime":"node","name":"other"}', "thumbs")).name).toBe("thumbs");
    expect(named("{ broken", "thumbs")).toBe("{ broken");
  });
});
