// A shell in which the blocks of a page run one after the other, beside a server of their own.

import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import { BINARY, start } from "../server.mjs";

export const REPOSITORY = fileURLToPath(new URL("../..", import.meta.url));

/** Milliseconds that one block may take. */
const PATIENCE = 120_000;

/** What stands between a block's output and its exit status. */
const MARK = "\u001e";

// A page's curl has no flags for scripts; here a status of 4xx or 5xx is a failure.
const PRELUDE = `
exec 2>&1
curl() { command curl -sS --fail-with-body "$@"; }
`;

/** Shells are in groups of their own, so that they can be ended with all that they started. */
const open = new Set();
process.once("exit", () => open.forEach((session) => session.kill()));
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));

export class Session {
  #shell;
  #server;
  #folder;
  #host;
  #output = "";
  #waiting;
  #ended = false;
  #number = 0;

  /** `env`: variables of the server, or `null` for none. */
  static async open(env) {
    const session = new Session();
    session.#server = env === null ? undefined : await start(env);
    session.#folder = mkdtempSync(join(tmpdir(), "eventflow-page-"));
    // Blocks run where a reader runs them, in the repository's root, and leave nothing in it.
    for (const entry of readdirSync(REPOSITORY)) symlinkSync(join(REPOSITORY, entry), join(session.#folder, entry));
    mkdirSync(join(session.#folder, "tmp"));
    // A page that starts servers itself does so at the usual port, which may be taken here.
    const port = await freePort();
    session.#host = session.#server ? new URL(session.#server.url).host : `127.0.0.1:${port}`;
    const shell = spawn("bash", ["--noprofile", "--norc", "-s"], {
      cwd: session.#folder,
      detached: true,
      stdio: ["pipe", "pipe", "pipe"],
      env: {
        HOME: session.#folder,
        LANG: "C.UTF-8",
        PATH: `${dirname(BINARY)}:${process.env.PATH}`,
        URL: session.#server?.url ?? "",
        ...(session.#server ? {} : { PORT: String(port) }),
        TOKEN: "dev-token",
        PASSWORD: "admin",
      },
    });
    session.#shell = shell;
    open.add(session);
    for (const stream of [shell.stdout, shell.stderr]) {
      stream.setEncoding("utf8");
      stream.on("data", (text) => {
        session.#output += text;
        session.#look();
      });
    }
    shell.once("close", (code, signal) => {
      session.#ended = true;
      session.#waiting?.({ status: code ?? signal, output: session.#output });
    });
    shell.stdin.on("error", () => {});
    shell.stdin.write(PRELUDE);
    return session;
  }

  #look() {
    const found = new RegExp(`^([\\s\\S]*)${MARK}(\\d+)${MARK}`).exec(this.#output);
    if (found) this.#waiting?.({ status: Number(found[2]), output: found[1] });
  }

  /** Runs commands to their end: their exit status and what they wrote. Nothing runs after commands that failed. */
  async run(text) {
    if (this.#ended) throw new Error("an earlier block of this page failed, and this one builds on it");
    const file = join(this.#folder, `.block-${++this.#number}`);
    writeFileSync(file, this.#here(text));
    this.#output = "";
    const { promise, resolve } = withResolvers();
    this.#waiting = resolve;
    const late = setTimeout(() => {
      this.kill();
      resolve({ status: "timeout", output: `${this.#output}\n(not over after ${PATIENCE / 1000} s)` });
    }, PATIENCE);
    // In a shell of its own each block would forget its variables; with -e here the first failure ends the page.
    this.#shell.stdin.write(`set -euo pipefail; . '${file}' </dev/null; set +e; printf '${MARK}%s${MARK}' 0\n`);
    const result = await promise;
    clearTimeout(late);
    this.#waiting = undefined;
    return result;
  }

  /** Runs commands that are to fail, in a shell that may end. */
  async runToFail(text) {
    const file = join(this.#folder, `.block-${++this.#number}`);
    writeFileSync(file, this.#here(text));
    return this.run(`if output=$(set -e; . '${file}'); then echo "$output"; echo "it did not fail"; exit 1; else echo "$output"; fi`);
  }

  /** The same commands for the server and the folder of this session. */
  #here(text) {
    const here = text.replaceAll(/(127\.0\.0\.1|localhost):8080/g, this.#host);
    return here.replaceAll(/(?<![\w.])\/tmp\/(?!eventflow-page-)/g, `${this.#folder}/tmp/`);
  }

  /** Ends what still runs. */
  kill() {
    try {
      process.kill(-this.#shell.pid, "SIGKILL");
    } catch {
      // It has ended.
    }
  }

  async close() {
    this.kill();
    open.delete(this);
    await this.#server?.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** A port that nobody listens at. */
function freePort() {
  const { promise, resolve } = withResolvers();
  const listener = createServer().listen(0, "127.0.0.1", () => {
    const { port } = listener.address();
    listener.close(() => resolve(port));
  });
  return promise;
}

function withResolvers() {
  let resolve;
  const promise = new Promise((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
