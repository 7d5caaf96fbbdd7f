import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { tar, tarGz } from "./tar.ts";

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
        { path: `${"deep/".repeat(25)}run.sh`, content: bytes("#!/bin/sh\n") },
      ]);
      writeFileSync(join(folder, "a.tgz"), new Uint8Array(await blob.arrayBuffer()));
      execFileSync("tar", ["-xzf", "a.tgz"], { cwd: folder });
      expect(readFileSync(join(folder, "index.js"), "utf8")).toBe("exports.handler = 1;\n");
      expect(readFileSync(join(folder, "lib/ä.txt"), "utf8")).toBe(long);
      expect(readFileSync(join(folder, "empty"), "utf8")).toBe("");
      expect(statSync(join(folder, "deep/".repeat(25), "run.sh")).mode & 0o111).not.toBe(0);
      expect(statSync(join(folder, "index.js")).mode & 0o111).toBe(0);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("refuses a path that it cannot hold", () => {
    for (const path of ["x".repeat(101), `a/${"x".repeat(101)}`, "a/".repeat(130)]) {
      expect(() => tar([{ path, content: new Uint8Array() }])).toThrow("too long");
    }
  });
});
