// One server for one story: the real binary, on a port and in a folder of its own.

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { SERVER } from "./paths.ts";
import { PATIENCE } from "./patience.ts";

/** The token that a server with --dev takes from programs. */
const TOKEN = "dev-token";
/** Lines of the server's own log that are kept for whoever looks into a failure. */
const KEPT_LINES = 2_000;
/** The pause between two looks at something that nothing tells of, in milliseconds. */
const LOOK_EVERY = 50;

export interface Options {
  /** Whether admin/admin and dev-token are taken, and the function `hello` is there. */
  dev?: boolean;
  env?: Record<string, string>;
}

/** Looks until `found` says something; says `what` was waited for when it takes too long. */
export async function until<T>(what: string, found: () => Promise<T | undefined | null | false>): Promise<T> {
  const deadline = Date.now() + PATIENCE;
  for (;;) {
    const value = await found();
    if (value !== undefined && value !== null && value !== false) return value;
    if (Date.now() > deadline) throw new Error(`waited in vain: ${what}`);
    await new Promise((done) => setTimeout(done, LOOK_EVERY));
  }
}

export class House {
  readonly folder = mkdtempSync(join(tmpdir(), "eventflow-story-"));
  readonly options: Required<Options>;
  /** What the server printed, newest last. */
  readonly output: string[] = [];
  url = "";
  #process: ChildProcess | undefined;

  private constructor(options: Options) {
    this.options = { dev: true, env: {}, ...options };
  }

  static async open(options: Options = {}): Promise<House> {
    const house = new House(options);
    try {
      await house.start();
    } catch (error) {
      await house.close();
      throw error;
    }
    return house;
  }

  /** Starts the server: on a free port the first time, on the same one afterwards. */
  async start() {
    const port = this.url === "" ? "0" : new URL(this.url).port;
    const args = ["serve", "--port", port, ...(this.options.dev ? ["--dev"] : [])];
    const { PATH, HOME, LANG, CARGO_HOME: _, ...rest } = process.env;
    const passedOn = Object.entries(rest).filter(([name]) => name.startsWith("TEST_") || name.startsWith("RUST_"));
    const child = spawn(SERVER, args, {
      env: {
        PATH,
        HOME,
        LANG,
        ...Object.fromEntries(passedOn),
        ...this.options.env,
        EVENTFLOW_DATA_DIR: join(this.folder, "data"),
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#process = child;
    const gone = new Promise<never>((_, refuse) => {
      child.once("error", refuse);
      child.once("exit", (code, signal) =>
        refuse(new Error(`the server ended (${signal ?? code}):\n${this.output.slice(-20).join("\n")}`)),
      );
    });
    gone.catch(() => {});
    const url = new Promise<string>((found) => {
      for (const stream of [child.stdout, child.stderr]) {
        createInterface({ input: stream }).on("line", (line) => {
          this.output.push(line);
          if (this.output.length > KEPT_LINES) this.output.shift();
          const address = /^\s*web\s+(http:\S+?)\/?$/.exec(line)?.[1];
          if (address) found(address);
        });
      }
    });
    this.url = await Promise.race([url, gone]);
    const ready = until("the server is ready", () =>
      fetch(`${this.url}/readyz`).then(
        (answer) => answer.ok,
        () => false,
      ),
    );
    await Promise.race([ready, gone]);
  }

  /** Ends the server as a power cut would. */
  async kill() {
    await this.#end("SIGKILL");
  }

  async close() {
    await this.#end("SIGKILL");
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #end(signal: NodeJS.Signals) {
    const child = this.#process;
    this.#process = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((done) => child.once("exit", done));
    child.kill(signal);
    await gone;
  }

  /** Asks the API as a program does, for what a story takes as given. */
  async ask<T = Record<string, never>>(query: string, variables: Record<string, unknown> = {}): Promise<T> {
    const answer = await this.fetch("/graphql", { query, variables });
    const { data, errors } = (await answer.json()) as { data?: T; errors?: { message: string }[] };
    if (!data || errors) throw new Error(`${query}: ${errors?.map((one) => one.message).join("; ") ?? answer.status}`);
    return data;
  }

  /** POSTs JSON with the token of --dev. */
  fetch(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(`${this.url}${path}`, {
      method: "POST",
      headers: { authorization: `Bearer ${TOKEN}`, "content-type": "application/json", ...headers },
      body: JSON.stringify(body),
    });
  }

  /** Calls a function until it answers with success. */
  async call(name: string, body: unknown): Promise<unknown> {
    return until(`${name} answers`, async () => {
      const answer = await this.fetch(`/function/${name}`, body);
      return answer.ok ? { value: await answer.json() } : undefined;
    }).then(({ value }) => value);
  }

  /** Registers a function from a repository and waits until it runs. Its id. */
  async register(name: string, url: string, rest: Record<string, unknown> = {}): Promise<string> {
    const answer = await this.fetch("/v1/functions", { name, source: { git: { url, ...rest } } });
    if (!answer.ok) throw new Error(`${name} was not registered: ${await answer.text()}`);
    return until(`${name} runs`, async () => {
      const { function: found } = await this.ask<{
        function: { id: string; state: string; builds: { nodes: { state: string; error: string | null }[] } } | null;
      }>("query($name: String!) { function(name: $name) { id state builds(first: 1) { nodes { state error } } } }", {
        name,
      });
      const build = found?.builds.nodes[0];
      if (build?.state === "FAILED") throw new Error(`${name} was not built: ${build.error}`);
      return found?.state === "RUNNING" ? found.id : undefined;
    });
  }

  /** Publishes an event. Its id. */
  async publish(type: string, data: unknown, rest: Record<string, unknown> = {}): Promise<string> {
    const { publishEvent } = await this.ask<{
      publishEvent: { event: { id: string } | null; userErrors: { message: string }[] };
    }>("mutation($input: PublishEventInput!) { publishEvent(input: $input) { event { id } userErrors { message } } }", {
      input: { type, data, ...rest },
    });
    if (!publishEvent.event) throw new Error(`${type} was refused: ${publishEvent.userErrors[0]?.message}`);
    return publishEvent.event.id;
  }
}
