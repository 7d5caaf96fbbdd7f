import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { entriesOf, tar, tarGz } from "./tar.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

describe("an archive", () => {
  it("is what tar unpacks", async () => {
    const folder = mkdtempSync(join(tmpdir(), "eventflow-tar-"));
    try {
      const long = "x".repeat(1300);
      const blob = await tarGz([
        { path: "index.js", content: bytes("exports.handler = 1;\n") },
        { path: "lib/ä.txt", content: bytes(long) },
        { path: "empty", content: new Uint8Array() },
      ]);
      writeFileSync(join(folder, "a.tgz"), new Uint8Array(await blob.arrayBuffer()));
      execFileSync("tar", ["-xzf", "a.tgz"], { cwd: folder });
      expect(readFileSync(join(folder, "index.js"), "utf8")).toBe("exports.handler = 1;\n");
      expect(readFileSync(join(folder, "lib/ä.txt"), "utf8")).toBe(long);
      expect(readFileSync(join(folder, "empty"), "utf8")).toBe("");
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("refuses a path that it cannot hold", () => {
    expect(() => tar([{ path: "a/".repeat(60), content: new Uint8Array() }])).toThrow("longer than 100");
  });

  it("of a folder has no files that tools made", async () => {
    const file = (webkitRelativePath: string) => ({
      webkitRelativePath,
      name: "f",
      arrayBuffer: async () => new ArrayBuffer(1),
    });
    const entries = await entriesOf(
      ["app/index.js", "app/node_modules/a/b.js", "app/.git/HEAD", "app/src/target.js"].map(file),
    );
    expect(entries.map((entry) => entry.path)).toEqual(["index.js", "src/target.js"]);
  });
});
