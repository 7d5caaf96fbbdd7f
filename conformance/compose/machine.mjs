// A copy of the repository that is started in containers, as who cloned it would, beside others on one machine: a project,
// ports and a `.env` of its own.

import { execFileSync, spawn } from "node:child_process";
import { appendFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { BASE, REPOSITORY } from "./files.mjs";

/** Milliseconds that `make up` may take, with all that it builds. */
const BUILT_WITHIN = 20 * 60_000;

export class Machine {
  /** Where the copy is. */
  folder = mkdtempSync(join(tmpdir(), "eventflow-compose-"));
  project = `eventflow-test-${process.pid}`;
  #prebuilt;

  /** `prebuilt`: a server to put in the place of the one that the Dockerfile would compile. */
  static async make({ prebuilt } = {}) {
    const machine = new Machine();
    const listed = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], { cwd: REPOSITORY, encoding: "utf8", maxBuffer: 1 << 26 });
    for (const file of listed.split("\0").filter((file) => file && existsSync(join(REPOSITORY, file)))) {
      mkdirSync(join(machine.folder, dirname(file)), { recursive: true });
      cpSync(join(REPOSITORY, file), join(machine.folder, file), { verbatimSymlinks: true });
    }
    const [port, management, postgres, rabbitmq, registry] = await freePorts(5);
    machine.port = port;
    machine.registry = `127.0.0.1:${registry}`;
    machine.ports = { PORT: port, RABBITMQ_MANAGEMENT_PORT: management, POSTGRES_PORT: postgres, RABBITMQ_PORT: rabbitmq, REGISTRY_PORT: registry };
    if (prebuilt) {
      // A context of this name stands for the stage of the Dockerfile, which stays as it is.
      const out = join(machine.folder, "prebuilt/out");
      mkdirSync(out, { recursive: true });
      cpSync(prebuilt, join(out, "eventflow"));
      writeFileSync(join(machine.folder, "prebuilt/built.yml"), `services:\n  eventflow: {build: {additional_contexts: {build: ./prebuilt}}}\n`);
      writeFileSync(join(machine.folder, "prebuilt/users.yml"), `services:\n  registry-users: {build: {additional_contexts: {build: ./prebuilt}}}\n`);
    }
    machine.#prebuilt = prebuilt;
    return machine;
  }

  /** From now on these files count. */
  use(files) {
    const all = [...files];
    if (this.#prebuilt) all.push("prebuilt/built.yml");
    if (this.#prebuilt && files.some((file) => file.includes("build"))) all.push("prebuilt/users.yml");
    appendFileSync(join(this.folder, ".env"), `COMPOSE_FILE=${all.join(":")}\n`);
  }

  get env() {
    const { PATH, HOME, TMPDIR = tmpdir(), DOCKER_HOST, DOCKER_CONFIG } = process.env;
    const socket = DOCKER_HOST?.replace(/^unix:\/\//, "");
    const files = this.#prebuilt && !this.#namesFiles() ? { COMPOSE_FILE: `${BASE}:prebuilt/built.yml` } : {};
    return Object.fromEntries(
      Object.entries({ PATH, HOME, TMPDIR, DOCKER_HOST, DOCKER_CONFIG, DOCKER_SOCKET: socket, COMPOSE_PROJECT_NAME: this.project, DOCKER_BUILDKIT: "1", ...files, ...this.ports })
        .filter(([, value]) => value !== undefined)
        .map(([name, value]) => [name, String(value)]),
    );
  }

  #namesFiles() {
    return existsSync(join(this.folder, ".env")) && /^COMPOSE_FILE=/m.test(readFileSync(join(this.folder, ".env"), "utf8"));
  }

  /** Runs a command in the copy: its status and all that it wrote. */
  async run(...command) {
    const child = spawn(command[0], command.slice(1), { cwd: this.folder, env: this.env, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8");
      stream.on("data", (text) => {
        output += text;
        if (process.env.SHOW) process.stderr.write(text);
      });
    }
    const late = setTimeout(() => child.kill("SIGKILL"), BUILT_WITHIN);
    const status = await new Promise((done) => child.once("close", (code, signal) => done(signal ?? code)));
    clearTimeout(late);
    return { status, output };
  }

  /** The same for one that must succeed: what it wrote. */
  async done(...command) {
    const { status, output } = await this.run(...command);
    if (status !== 0) throw new Error(`${command.join(" ")} (${status}):\n${output}`);
    return output;
  }

  compose(...words) {
    return this.done("docker", "compose", ...words);
  }

  get url() {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Takes everything away, whatever has become of it. */
  async remove() {
    // Every service of every file is of this project.
    const label = `label=com.docker.compose.project=${this.project}`;
    const ids = async (...words) => (await this.run("docker", ...words, "--filter", label)).output.split(/\s+/).filter(Boolean);
    const containers = await ids("ps", "-aq");
    if (containers.length) await this.run("docker", "rm", "-fv", ...containers);
    const volumes = await ids("volume", "ls", "-q");
    if (volumes.length) await this.run("docker", "volume", "rm", ...volumes);
    const networks = await ids("network", "ls", "-q");
    if (networks.length) await this.run("docker", "network", "rm", ...networks);
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Addresses other than this machine's own on which containers can be reached: ports that are published, and what listens in the host's network. */
  async open() {
    const found = [];
    const ids = (await this.done("docker", "ps", "-q", "--filter", `label=com.docker.compose.project=${this.project}`)).split(/\s+/).filter(Boolean);
    for (const one of JSON.parse(await this.done("docker", "inspect", ...ids))) {
      for (const [port, bindings] of Object.entries(one.NetworkSettings.Ports ?? {})) {
        for (const { HostIp } of bindings ?? []) if (!isLoopback(HostIp)) found.push(`${one.Name} ${HostIp} ${port}`);
      }
      if (one.HostConfig.NetworkMode === "host") {
        const listening = listenersOf(one.State.Pid);
        if (listening.length === 0) found.push(`${one.Name} listens nowhere`);
        found.push(...listening.filter((address) => !isLoopback(address)).map((address) => `${one.Name} ${address}`));
      }
    }
    return found;
  }
}

const isLoopback = (address) => address === "::1" || address.startsWith("127.");

/** The addresses on which a process and its children listen. */
function listenersOf(pid) {
  const family = [pid];
  for (const entry of readdirSync("/proc").filter((name) => /^\d+$/.test(name)).map(Number)) {
    try {
      const parent = Number(/\) \S (\d+)/.exec(readFileSync(`/proc/${entry}/stat`, "utf8"))[1]);
      if (family.includes(parent)) family.push(entry);
    } catch {
      // It has ended.
    }
  }
  const sockets = new Set();
  for (const process of family) {
    try {
      for (const fd of readdirSync(`/proc/${process}/fd`)) sockets.add(/^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${process}/fd/${fd}`))?.[1]);
    } catch {
      // It has ended.
    }
  }
  const listening = (file, width) =>
    readFileSync(`/proc/${pid}/net/${file}`, "utf8")
      .split("\n")
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter((fields) => fields[3] === "0A" && sockets.has(fields[9]))
      .map((fields) => addressOf(fields[1].slice(0, width)));
  return [...listening("tcp", 8), ...listening("tcp6", 32)];
}

/** An address as the kernel's table has it: words of four bytes, the last byte of each first. */
function addressOf(hex) {
  const bytes = hex.match(/.{8}/g).flatMap((word) => word.match(/../g).reverse().map((byte) => Number.parseInt(byte, 16)));
  if (bytes.length === 4) return bytes.join(".");
  return bytes.slice(0, 15).every((byte) => byte === 0) && bytes[15] === 1 ? "::1" : `[${bytes.join(".")}]`;
}

async function freePorts(count) {
  const listeners = await Promise.all(
    Array.from({ length: count }, () => new Promise((done) => {
      const listener = createServer().listen(0, "127.0.0.1", () => done(listener));
    })),
  );
  const ports = listeners.map((listener) => listener.address().port);
  await Promise.all(listeners.map((listener) => new Promise((done) => listener.close(done))));
  return ports;
}
