// What docker-compose.yml and the files beside it promise, as far as it can be read off them, and what scripts/compose says
// where something is missing. `make test-containers` starts all of it for real (story.mjs).

import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { BINARY } from "../server.mjs";
import { calls, content, environment, exists, read, REPOSITORY, services, WAYS } from "./files.mjs";

/** All services by name, over all files. */
const parts = new Map();
for (const service of services()) parts.set(service.name, [...(parts.get(service.name) ?? []), service]);

/** Whether something waits for a service to end, rather than to be healthy. */
const onlyPrepares = (name) => services().some(({ depends_on = {} }) => depends_on[name]?.condition === "service_completed_successfully");

test("every port is published for this machine alone", () => {
  const published = services().flatMap(({ name, ports = [] }) => ports.map((port) => [name, port]));
  assert.ok(published.length > 3);
  for (const [name, port] of published) assert.match(String(port), /^127\.0\.0\.1:/, `${name}: ${port}`);
});

test("a service in the host's network listens on 127.0.0.1", () => {
  for (const service of services().filter(({ network_mode }) => network_mode === "host")) {
    assert.equal(service.name, "eventflow");
    assert.equal(environment(service).EVENTFLOW_HOST, "127.0.0.1");
  }
});

test("no password has a default", () => {
  let found = 0;
  for (const service of services()) {
    for (const [variable, value] of Object.entries(environment(service))) {
      const text = String(value ?? "");
      const isSecret = /(^|_)(PASS|PASSWORD|SECRET|TOKEN)$/.test(variable) || /:\/\/[^/@]*:[^/@]*@/.test(text.replaceAll(/\$\{[^}]*\}/g, "x"));
      if (!isSecret) continue;
      found++;
      assert.match(text, /\$\{[A-Z_]*PASSWORD:\?[^}]+\}/, `${service.file}: ${service.name}: ${variable}`);
    }
    for (const [, name, how] of JSON.stringify(service).matchAll(/\$\{([A-Z_]*(?:PASSWORD|SECRET|KEY|TOKEN))([^}]*)\}/g)) {
      assert.match(how, /^:\?/, `${service.file}: ${name}`);
    }
  }
  assert.equal(found, 8);
});

test("every service is looked at, is started again, and names the version of its image", () => {
  for (const [name, files] of parts) {
    const whole = Object.assign({}, ...files);
    if (onlyPrepares(name)) {
      assert.deepEqual([whole.restart, whole.healthcheck], ["no", { disable: true }], name);
    } else {
      assert.equal(whole.restart, "unless-stopped", name);
      assert.ok(whole.healthcheck?.test?.length, `${name} has no health check`);
    }
    if (!whole.build) assert.match(whole.image, /^[a-z0-9/]+:[a-z0-9][\w.-]*$/, name);
    assert.doesNotMatch(whole.image ?? "", /:latest$/, name);
  }
});

test("the server knows every variable that it is given", () => {
  const known = JSON.parse(execFileSync(BINARY, ["config", "--json"], { env: { PATH: process.env.PATH }, encoding: "utf8" }));
  const names = new Set(known.map(({ name }) => name));
  const given = parts.get("eventflow").flatMap((part) => Object.keys(environment(part)));
  assert.ok(given.length > 5);
  for (const name of given) assert.ok(names.has(name), `${name} is no setting of the server`);
});

test("only the proxy has the engine's socket, and nobody has rights of the host", () => {
  for (const service of services()) {
    const { file, name } = service;
    const text = JSON.stringify(service);
    assert.equal(/DOCKER_SOCKET|\/var\/run\/docker\.sock/.test(text), name === "engine", `${file}: ${name}`);
    for (const key of ["privileged", "cap_add", "devices", "pid", "ipc", "userns_mode"]) assert.ok(!(key in service), `${file}: ${name} has ${key}`);
  }
  const [engine] = parts.get("engine");
  assert.deepEqual([engine.network_mode, engine.read_only, engine.cap_drop], ["none", true, ["ALL"]]);
});

test("every volume and every file that is mounted is there", () => {
  for (const way of WAYS) {
    const files = way.map(content);
    const declared = new Set(files.flatMap(({ volumes = {} }) => Object.keys(volumes)));
    const used = new Set();
    for (const { volumes = [] } of files.flatMap(({ services }) => Object.values(services))) {
      for (const volume of volumes) {
        const source = typeof volume === "string" ? volume.replace(/\$\{[^}]*:-([^}]*)\}/, "$1").split(":")[0] : volume.source;
        if (source.startsWith("./")) assert.ok(exists(source), source);
        else if (!source.startsWith("/")) used.add(source);
      }
    }
    assert.deepEqual([...used].sort(), [...declared].sort(), way.join(":"));
  }
});

test("the engine's proxy passes on what the server calls, and no more", () => {
  const passes = (call) => calls().some((expression) => expression.test(call));
  const id = "a".repeat(64);
  for (const call of [
    "GET /v1.41/version",
    "GET /v1.41/info",
    "GET /v1.41/events",
    "POST /v1.41/images/create",
    "GET /v1.51/images/127.0.0.1:5000/team/app@sha256:00/json",
    "GET /v1.41/distribution/127.0.0.1:5000/team/app@sha256:00/json",
    "GET /v1.41/images/json",
    "POST /v1.41/images/load",
    "DELETE /v1.41/images/127.0.0.1:5000/team/app@sha256:00",
    "DELETE /v1.41/images/eventflow.invalid/0123:00",
    "POST /v1.41/images/127.0.0.1:5000/team/app/push",
    "POST /v1.41/containers/create",
    `HEAD /v1.41/containers/${id}/archive`,
    `POST /v1.41/containers/${id}/attach`,
    `PUT /v1.41/containers/${id}/archive`,
    `DELETE /v1.41/containers/${id}`,
    "DELETE /v1.41/networks/eventflow-0123-default-open",
  ]) {
    assert.ok(passes(call), `${call} is refused`);
  }
  for (const call of [
    `POST /v1.41/containers/${id}/exec`,
    `POST /v1.41/exec/${id}/start`,
    "POST /v1.41/build",
    "POST /v1.41/session",
    "POST /v1.41/commit",
    "POST /v1.41/volumes/create",
    "POST /v1.41/swarm/init",
    "GET /v1.41/secrets",
    "POST /v1.41/plugins/pull",
    `GET /v1.41/containers/${id}/export`,
    `DELETE /v1.41/containers/${id}/../../volumes/data`,
    "POST /v1.41/images/prune",
    "POST /v1.41/containers/prune",
    "POST /v1.41/containers/create/x",
    "GET /v1.41/infox",
  ]) {
    assert.ok(!passes(call), `${call} is passed on`);
  }
});

test("the Dockerfile fits the project", () => {
  const dockerfile = read("deploy/Dockerfile");
  const rust = /^rust-version = "(.*)"$/m.exec(read("Cargo.toml"))[1];
  assert.equal(/^FROM rust:([\d.]+)-/m.exec(dockerfile)[1], rust);
  const [, server] = /^FROM debian:bookworm-slim AS server$([\s\S]*?)^FROM /m.exec(dockerfile);
  assert.match(server, /^USER eventflow$/m, "it does not run as root");
  assert.match(dockerfile, /\nFROM server AS runtime\s*$/, "what is built by default is the server");
  for (const ignored of [".git", ".env", "target", "**/node_modules"]) assert.ok(read(".dockerignore").split("\n").includes(ignored), ignored);
  assert.ok(read(".gitignore").split("\n").includes("/.env"));
});

/** Runs scripts/compose where `docker` is this script: its status, and what it said. */
function compose(verb, { docker, standalone } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "eventflow-compose-"));
  try {
    mkdirSync(join(folder, "scripts"));
    mkdirSync(join(folder, "bin"));
    cpSync(join(REPOSITORY, "scripts/compose"), join(folder, "scripts/compose"));
    for (const [name, script] of Object.entries({ docker, "docker-compose": standalone })) {
      if (!script) continue;
      writeFileSync(join(folder, "bin", name), `#!/bin/sh\n${script}\n`);
      chmodSync(join(folder, "bin", name), 0o755);
    }
    // What it needs of the system, without a docker that may be there.
    for (const name of ["bash", "sh", "cat", "od", "tr", "sort", "head", "tail", "sed", "grep", "dirname", "printenv"]) {
      const found = execFileSync("sh", ["-c", `command -v ${name}`], { encoding: "utf8" }).trim();
      if (found.startsWith("/")) symlinkSync(found, join(folder, "bin", name));
    }
    const ran = spawnSync("/bin/bash", [join(folder, "scripts/compose"), ...verb], { env: { PATH: join(folder, "bin") }, encoding: "utf8" });
    const env = (() => {
      try {
        return { mode: statSync(join(folder, ".env")).mode & 0o777, text: readFileSync(join(folder, ".env"), "utf8") };
      } catch {
        return undefined;
      }
    })();
    return { status: ran.status, said: ran.stdout + ran.stderr, env };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const engine = (compose, version) => `case "$1 $2" in
  "compose version") ${compose} ;;
  "version --format") ${version} ;;
  "compose exec") echo 8080 ;;
  "compose logs") echo "first start: sign in as \\\`admin\\\` with the password let-me-in" ;;
esac`;
const fine = engine("echo 2.40.3", "echo 28.2.2");

test("what is missing is said in a sentence that says what to do", () => {
  for (const [machine, said] of [
    [{}, /there is no docker: install Docker Engine/],
    [{ docker: engine("exit 1", "echo 28") }, /its plug-in Compose is not: install it/],
    [{ docker: engine("exit 1", "echo 28"), standalone: "echo 1.29.2" }, /docker-compose is 1\.29\.2 here, which cannot read/],
    [{ docker: engine("echo v2.3.0", "echo 28") }, /Compose is 2\.3\.0 here, and must be 2\.24 or newer/],
    [{ docker: engine("echo 2.40.3", "echo 'permission denied while trying to connect' >&2; exit 1") }, /you may not use the Docker engine/],
    [{ docker: engine("echo 2.40.3", "echo 'Cannot connect to the Docker daemon' >&2; exit 1") }, /no Docker engine answers: start it.*Cannot connect/],
  ]) {
    const { status, said: says, env } = compose(["up"], machine);
    assert.deepEqual([status, env], [69, undefined], says);
    assert.match(says, said);
    assert.equal(says.trim().split("\n").length, 1, says);
  }
  assert.match(compose(["down"], { docker: fine }).said, /there is no \.env, so nothing was started from here: make up/);
  assert.equal(compose(["fly"], { docker: fine }).status, 64);
});

test("make up makes passwords that nobody else knows or reads", () => {
  const [one, other] = [compose(["up"], { docker: fine }), compose(["up"], { docker: fine })];
  assert.equal(one.status, 0, one.said);
  assert.equal(one.env.mode, 0o600);
  const passwords = ({ env }) => [...env.text.matchAll(/^([A-Z]+)_PASSWORD=([0-9a-f]{48})$/gm)].map(([, name, value]) => `${name} ${value}`);
  assert.deepEqual(passwords(one).map((line) => line.split(" ")[0]), ["POSTGRES", "RABBITMQ", "REGISTRY"]);
  assert.equal(new Set([...passwords(one), ...passwords(other)]).size, 6);
  assert.match(one.said, /http:\/\/127\.0\.0\.1:8080\//);
  assert.match(one.said, /with the password let-me-in/);
});

test("Compose itself reads the files", (t) => {
  if (spawnSync("docker", ["compose", "version"]).status !== 0) return t.skip("Compose is not here: make test-containers builds and uses it");
  for (const way of WAYS) {
    const ran = spawnSync("docker", ["compose", "config", "--quiet"], {
      cwd: REPOSITORY,
      encoding: "utf8",
      env: { ...process.env, COMPOSE_FILE: way.join(":"), POSTGRES_PASSWORD: "x", RABBITMQ_PASSWORD: "x", REGISTRY_PASSWORD: "x" },
    });
    assert.equal(ran.status, 0, `${way}: ${ran.stderr}`);
  }
});
