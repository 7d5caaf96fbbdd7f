// A function's repository, as a person has it on the disk.

import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

export class Repository {
  readonly path: string;

  constructor(folder: string, name: string) {
    this.path = join(folder, name);
    mkdirSync(this.path, { recursive: true });
    execFileSync("git", ["init", "-q", "-b", "main", this.path]);
  }

  /** Writes files and commits them. The commit's hash. */
  commit(message: string, files: Record<string, string>): string {
    for (const [name, content] of Object.entries(files)) {
      const path = join(this.path, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, content);
    }
    this.#git("add", "--all");
    this.#git("commit", "-q", "--allow-empty", "-m", message);
    return this.#git("rev-parse", "HEAD").trim();
  }

  branch(name: string) {
    this.#git("branch", name);
  }

  #git(...words: string[]): string {
    const who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com"];
    return execFileSync("git", ["-C", this.path, ...who, ...words], { encoding: "utf8", stdio: "pipe" });
  }
}

/** A manifest of a small Node service; anything may be replaced. */
export function manifest(rest: Record<string, unknown> = {}): string {
  const usual = { runtime: "node", handler: "index.handler", triggers: [{ type: "http" }] };
  return `${JSON.stringify({ ...usual, ...rest }, null, 2)}\n`;
}

/** A handler with this body, which may use `event` and `context`. */
export function handler(body: string): string {
  return `exports.handler = async (event, context) => {\n${body}\n};\n`;
}
