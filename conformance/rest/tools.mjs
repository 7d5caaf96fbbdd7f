// What the suites of this folder share: the description as the server serves it, and programs that are run over it.

import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { start } from "../server.mjs";

/** The path of a file of this folder. */
export const here = (name) => fileURLToPath(new URL(name, import.meta.url));

/** A server, a folder for what is made, and the server's description in it. */
export async function setUp() {
  const server = await start();
  const folder = mkdtempSync(join(tmpdir(), "eventflow-rest-"));
  const description = join(folder, "openapi.json");
  const text = await (await fetch(`${server.url}/openapi.json`)).text();
  writeFileSync(description, text);
  return {
    url: server.url,
    folder,
    description,
    document: JSON.parse(text),
    async tearDown() {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The path of a program of the npm packages. */
export const program = (name) => here(`node_modules/.bin/${name}`);

/** Runs a program to its end; its exit code and its output. */
export function run(command, args, { cwd, env = {} } = {}) {
  return new Promise((done, fail) => {
    const child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
    const [out, err] = [[], []];
    child.stdout.on("data", (piece) => out.push(piece));
    child.stderr.on("data", (piece) => err.push(piece));
    child.once("error", fail);
    child.once("close", (code) => done({ code, out: Buffer.concat(out).toString(), err: Buffer.concat(err).toString() }));
  });
}

/** Runs a program that must succeed; its output. */
export async function must(command, args, options) {
  const { code, out, err } = await run(command, args, options);
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${code}:\n${out}\n${err}`);
  return out;
}

/** The folder of Python programs that requirements.txt names, installed when it is not there or older. */
export async function python() {
  const target = process.env.CARGO_TARGET_DIR ?? here("../../target");
  const [folder, wanted] = [join(target, "venv-conformance-rest"), here("requirements.txt")];
  const mark = join(folder, "installed");
  if (!existsSync(mark) || statSync(mark).mtimeMs < statSync(wanted).mtimeMs) {
    mkdirSync(target, { recursive: true });
    if (!existsSync(join(folder, "bin/python"))) await must("python3", ["-m", "venv", folder]);
    await must(join(folder, "bin/python"), ["-m", "pip", "install", "-q", "--disable-pip-version-check", "-r", wanted]);
    writeFileSync(mark, "");
    utimesSync(mark, new Date(), new Date());
  }
  return join(folder, "bin");
}
