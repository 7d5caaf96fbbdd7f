// One server for one suite: the binary at $EVENTFLOW (target/debug/eventflow), on a port and in a folder of its own.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** Nothing that a suite waits for takes longer, in milliseconds. */
export const PATIENCE = 60_000;

/** Milliseconds that a server has to end its functions and itself. */
const STOPPING = 15_000;

/** The token that a server with --dev takes from programs. */
export const TOKEN = "dev-token";

export const BINARY = process.env.EVENTFLOW ?? fileURLToPath(new URL("../target/debug/eventflow", import.meta.url));

/** Starts a server, and resolves with its address, what ends it, and without `--dev` the password of `admin`, once it is ready. */
export async function start(env = {}, { dev = true } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "eventflow-suite-"));
  const child = spawn(BINARY, ["serve", "--port", "0", ...(dev ? ["--dev"] : [])], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...env, EVENTFLOW_DATA_DIR: join(folder, "data") },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output = [];
  const gone = new Promise((_, refuse) => {
    child.once("error", refuse);
    child.once("exit", (code, signal) => refuse(new Error(`the server ended (${signal ?? code}):\n${output.join("\n")}`)));
  });
  gone.catch(() => {});
  const address = new Promise((found) => {
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on("line", (line) => {
        output.push(line);
        const match = /^\s*web\s+(http:\S+?)\/?$/.exec(line);
        if (match) found(match[1]);
      });
    }
  });
  const url = await Promise.race([address, gone]);
  await Promise.race([until("the server is ready", () => fetch(`${url}/readyz`).then((answer) => answer.ok, () => false)), gone]);
  return {
    url,
    password: /with the password (\S+)/.exec(output.join("\n"))?.[1],
    async stop() {
      const ended = new Promise((done) => child.once("exit", done));
      if (child.exitCode === null && child.signalCode === null) {
        // It ends its functions, which a server that is killed leaves to the next one.
        child.kill("SIGTERM");
        const late = setTimeout(() => child.kill("SIGKILL"), STOPPING);
        await ended;
        clearTimeout(late);
      }
      child.stdout.destroy();
      child.stderr.destroy();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Looks until `found` is true; says what was waited for when it takes too long. */
export async function until(what, found) {
  const deadline = Date.now() + PATIENCE;
  for (;;) {
    const value = await found();
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`waited in vain: ${what}`);
    await new Promise((done) => setTimeout(done, 50));
  }
}
