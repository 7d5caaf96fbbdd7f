// What somebody does who starts EventFlow by `make up`: on a real engine, with the images of the Dockerfile and of
// docker-compose.yml. Not part of `make test`; `make test-containers` makes what it needs.
//
//   DOCKER_HOST              the engine, which has the images that docker-compose.yml names (scripts/base-images)
//   EVENTFLOW_PREBUILT       a server to put in the place of the one that the Dockerfile compiles
//   SHOW=1                   prints what commands print

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";

import { until } from "../server.mjs";
import { BASE, BUILD, ENGINE } from "./files.mjs";
import { Machine } from "./machine.mjs";

/** An image that scripts/with-docker puts on the engine. */
const BUSYBOX = "eventflow-test/busybox:1";

let machine;
let token;

before(async () => {
  machine = await Machine.make({ prebuilt: process.env.EVENTFLOW_PREBUILT });
});
after(async () => {
  await machine?.remove();
});

/** A story ends with its first failure: each step builds on the one before. */
let failed = false;
const step = (name, run) =>
  test(name, async (t) => {
    if (failed) return t.skip("an earlier step failed");
    failed = true;
    await run(t);
    failed = false;
  });

async function ask(path, { method = "GET", json, body, status = 200 } = {}) {
  const answer = await fetch(machine.url + path, {
    method,
    headers: { ...(token && { authorization: `Bearer ${token}` }), ...(json && { "content-type": "application/json" }) },
    body: json ? JSON.stringify(json) : body,
  });
  const text = await answer.text();
  assert.equal(answer.status, status, `${method} ${path}: ${text}`);
  return text && /json/.test(answer.headers.get("content-type") ?? "") ? JSON.parse(text) : text;
}

async function signIn(password) {
  token = undefined;
  ({ token } = await ask("/auth/token", { method: "POST", json: { username: "admin", password } }));
}

async function graphql(query, variables) {
  const { data, errors } = await ask("/graphql", { method: "POST", json: { query, variables } });
  assert.equal(errors, undefined, JSON.stringify(errors));
  return data;
}

/** A function of these files, or of an image, registered, built and started. */
async function deploy(name, { files, ...more }) {
  const source = files ? { bundle: { digest: await upload(files) } } : { image: { image: more.image } };
  const input = { name, source, ...(more.manifest && { manifest: more.manifest }) };
  const { registerFunction } = await graphql(
    "mutation($input: RegisterFunctionInput!) { registerFunction(input: $input) { function { id } userErrors { code message } } }",
    { input },
  );
  assert.deepEqual(registerFunction.userErrors, []);
  const { id } = registerFunction.function;
  const { buildFunction } = await graphql("mutation($id: ID!) { buildFunction(id: $id) { userErrors { code message } } }", { id });
  if (buildFunction.userErrors.length) return { id, error: buildFunction.userErrors[0].message };
  const build = await until(`${name} is built`, async () => {
    const { function: found } = await graphql("query($id: ID!) { function(id: $id) { builds(first: 1) { nodes { id state error } } } }", { id });
    const [build] = found.builds.nodes;
    return build && ["SUCCEEDED", "FAILED"].includes(build.state) && build;
  });
  if (build.state === "FAILED") {
    const { build: found } = await graphql("query($id: ID!) { function(id: $id) { builds(first: 1) { nodes { log { text } } } } }", { id }).then(({ function: one }) => ({ build: one.builds.nodes[0] }));
    return { id, error: build.error, log: found.log.map(({ text }) => text).join("\n") };
  }
  const { startFunction } = await graphql("mutation($id: ID!) { startFunction(id: $id) { userErrors { code message } } }", { id });
  assert.deepEqual(startFunction.userErrors, []);
  return { id };
}

async function upload(files) {
  const folder = mkdtempSync(join(tmpdir(), "eventflow-bundle-"));
  try {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(join(folder, dirname(name)), { recursive: true });
      writeFileSync(join(folder, name), text);
    }
    const body = execFileSync("tar", ["-czf", "-", "-C", folder, "."]);
    return (await ask("/v1/bundles", { method: "POST", body, status: 201 })).digest;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const deployed = async (name, what) => {
  const made = await deploy(name, what);
  assert.equal(made.error, undefined, `${made.error}\n${made.log}`);
  return made.id;
};

/** What the containers of the server have printed. */
const log = () => machine.compose("logs", "--no-log-prefix", "eventflow");

step("make up builds, starts, and says where it is and how to sign in", async () => {
  const said = await machine.done("make", "up");
  assert.ok(said.includes(`${machine.url}/`), said);
  assert.equal(statSync(join(machine.folder, ".env")).mode & 0o777, 0o600);
  const password = /first start: sign in as `admin` with the password (\S+)/.exec(said)?.[1];
  assert.ok(password, said);
  await signIn(password);
  assert.equal((await ask("/readyz")).status, "ready");
  // Twice is once: what stands is left as it is.
  const again = await machine.done("make", "up");
  assert.ok(again.includes(password), again);
});

step("the image is of a user without rights, and has the pages and the guide", async () => {
  const [image] = JSON.parse(await machine.done("docker", "image", "inspect", `${machine.project}-eventflow`));
  assert.equal(image.Config.User, "eventflow");
  console.log(`the image has ${Math.round(image.Size / 1e6)} MB`);
  const id = await machine.compose("exec", "-T", "eventflow", "id", "-u");
  assert.equal(id.trim(), "10001");
  const has = await machine.compose("exec", "-T", "eventflow", "eventflow", "doctor").catch(({ message }) => message);
  console.log(has);
  assert.match(await ask("/"), /<title>EventFlow/);
  assert.match(await ask("/docs/"), /EventFlow/);
});

step("functions of files run isolated in the sandbox inside", async () => {
  const lines = await log();
  assert.match(lines, /executor {2}sandbox \(bubblewrap/, lines);
  assert.doesNotMatch(lines, /NOT ISOLATED|cannot have a network/i, lines);
  console.log(lines.match(/WARNING .*/g)?.join("\n") ?? "no warnings");
  await deployed("hello", {
    files: {
      "index.js": "exports.handler = async (event) => ({ hello: require('ms')('2s'), root: require('fs').existsSync('/var/lib/eventflow/data') });",
      "package.json": JSON.stringify({ dependencies: { ms: "2.1.3" } }),
      "function.json": JSON.stringify({ runtime: "node", handler: "index.handler" }),
    },
  });
  assert.deepEqual(await ask("/function/hello"), { hello: 2000, root: false });
  await deployed("ground", {
    files: {
      "main.py": "import os\n\ndef handler(event, context):\n    return {'uid': os.getuid(), 'processes': len([name for name in os.listdir('/proc') if name.isdigit()])}\n",
      "function.json": JSON.stringify({ runtime: "python", handler: "main.handler" }),
    },
  });
  const ground = await ask("/function/ground");
  assert.ok(ground.processes < 10, `it sees the processes of others: ${JSON.stringify(ground)}`);
});

step("an image is refused without an engine, with what to do", async () => {
  const made = await deploy("early", { image: BUSYBOX, manifest: { runtime: "docker" } }).catch((error) => ({ error: error.message }));
  assert.match(made.error, /no container engine/);
});

step("nothing can be reached from other machines", async () => {
  assert.deepEqual(await machine.open(), []);
  const management = `http://127.0.0.1:${machine.ports.RABBITMQ_MANAGEMENT_PORT}/api/whoami`;
  const password = /^RABBITMQ_PASSWORD=(.*)$/m.exec(readFileSync(join(machine.folder, ".env"), "utf8"))[1];
  const whoami = (user) => fetch(management, { headers: { authorization: `Basic ${btoa(user)}` } }).then(({ status }) => status);
  assert.deepEqual([await whoami("guest:guest"), await whoami(`eventflow:${password}`)], [401, 200]);
});

step("make status says how each service is, and make logs what they print", async () => {
  const said = await machine.done("make", "status");
  for (const name of ["postgres", "rabbitmq", "eventflow"]) assert.match(said, new RegExp(`^${name} +healthy$`, "m"), said);
  assert.match(said, /^readyz +\{"status":"ready"/m);
  assert.match(await machine.done("make", "logs"), /is ready/);
  assert.doesNotMatch(await machine.done("make", "logs", "SERVICE=rabbitmq"), /EventFlow .* is ready/);
  await machine.compose("stop", "rabbitmq");
  const without = await machine.run("make", "status");
  assert.notEqual(without.status, 0);
  assert.match(without.output, /^rabbitmq +stopped: make up/m);
  await machine.compose("start", "rabbitmq");
});

step("a server that is started again knows everything", async () => {
  await machine.compose("restart", "eventflow");
  await until("the server takes work again", async () => (await machine.run("make", "status")).status === 0);
  assert.equal((await ask("/function/hello")).hello, 2000);
  const { output } = await machine.run("make", "down");
  assert.match(output, /the data stays/);
  assert.equal((await machine.run("make", "status")).status, 2);
  const said = await machine.done("make", "up");
  assert.match(said, /admin reset-password/, "the first password is shown once");
  assert.equal((await ask("/function/hello")).hello, 2000);
});

step("with the engine's file images run on this machine's engine", async () => {
  machine.use([BASE, ENGINE]);
  await machine.done("make", "up");
  assert.match(await log(), /executor {2}sandbox \(.*docker \(/);
  assert.equal((await ask("/function/hello")).hello, 2000, "functions of files still run");
  const script = "mkdir /tmp/www && echo hello > /tmp/www/index.html && exec httpd -f -p $PORT -h /tmp/www";
  await deployed("web", { image: BUSYBOX, manifest: { runtime: "docker", command: ["/bin/sh", "-c", script] } });
  assert.equal(await ask("/function/web/"), "hello\n");
  const id = await deployed("job", {
    image: BUSYBOX,
    manifest: { runtime: "docker", mode: "job", command: ["/bin/sh", "-c", "read event; echo got it; echo '{\"n\":2}' > $EVENTFLOW_RESULT"] },
  });
  const { invokeFunction } = await graphql("mutation($id: ID!) { invokeFunction(id: $id, payload: {}, wait: true) { run { state output log { text } } userErrors { message } } }", { id });
  assert.deepEqual([invokeFunction.userErrors, invokeFunction.run?.state, invokeFunction.run?.output], [[], "SUCCEEDED", { n: 2 }]);
  await until("its line is there", async () => {
    const { function: found } = await graphql("query($id: ID!) { function(id: $id) { runs(first: 1) { nodes { log { text } } } } }", { id });
    return found.runs.nodes[0].log.some(({ text }) => text === "got it");
  });
  assert.deepEqual(await machine.open(), []);
  assert.deepEqual(await published(), [], "the ports of functions are published nowhere");
});

/** The ports of functions' containers. */
async function published() {
  const ids = (await machine.done("docker", "ps", "-q", "--filter", "label=io.eventflow.function=web")).split(/\s+/).filter(Boolean);
  assert.equal(ids.length, 1);
  const found = JSON.parse(await machine.done("docker", "inspect", ...ids));
  return found.flatMap(({ NetworkSettings }) => Object.values(NetworkSettings.Ports ?? {}).filter(Boolean));
}

step("the server gets nothing else from the engine", async () => {
  const call = (...words) => machine.compose("exec", "-T", "eventflow", "curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "--unix-socket", "/run/engine/docker.sock", ...words);
  assert.equal(await call("http://engine/v1.41/version"), "200");
  const [id] = (await machine.done("docker", "ps", "-q", "--filter", `name=${machine.project}-postgres`)).trim().split("\n");
  for (const [method, path] of [
    ["POST", `/v1.41/containers/${id}/exec`],
    ["POST", "/v1.41/build"],
    ["POST", "/v1.41/volumes/create"],
    ["GET", `/v1.41/containers/${id}/export`],
    ["GET", "/v1.41/containers/x/../../../volumes"],
    ["GET", "/v1.41/containers/json%2f..%2f..%2fvolumes"],
    ["POST", "/v1.41/images/prune"],
  ]) {
    assert.equal(await call("--path-as-is", "-X", method, `http://engine${path}`), "403", `${method} ${path}`);
  }
  const refused = await machine.compose("logs", "--no-log-prefix", "engine");
  assert.match(refused, /403 POST \/v1\.41\/build/);
  assert.doesNotMatch(refused, /GET \/v1\.41\/version/);
});

step("a server that is killed leaves no containers when it is back", async () => {
  await machine.compose("kill", "eventflow");
  await machine.compose("up", "-d", "--no-build", "--wait");
  assert.equal(await ask("/function/web/"), "hello\n");
  await until("only the new container is there", async () => (await published().catch(() => null)) !== null);
});

step("with the registry's file there is a registry with a login, and a BuildKit that pushes to it", async (t) => {
  const images = await machine.done("docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}");
  if (!images.includes("moby/buildkit:rootless")) return t.skip("there is no image moby/buildkit:rootless on this engine");
  machine.builds = true;
  machine.use([BASE, ENGINE, BUILD]);
  await machine.done("make", "up");
  const password = /^REGISTRY_PASSWORD=(.*)$/m.exec(readFileSync(join(machine.folder, ".env"), "utf8"))[1];
  const registry = (user) => fetch(`http://${machine.registry}/v2/`, { headers: user ? { authorization: `Basic ${btoa(user)}` } : {} }).then(({ status }) => status);
  assert.deepEqual([await registry(), await registry("eventflow:wrong"), await registry(`eventflow:${password}`)], [401, 401, 200]);
  const script = `set -eu
    mkdir -p /tmp/source /tmp/login
    printf 'FROM scratch\\nCOPY file /file\\n' > /tmp/source/Dockerfile
    echo hello > /tmp/source/file
    printf '{"auths":{"${machine.registry}":{"auth":"%s"}}}' "$(printf 'eventflow:${password}' | base64 -w0)" > /tmp/login/config.json
    DOCKER_CONFIG=/tmp/login buildctl build --frontend dockerfile.v0 --local context=/tmp/source --local dockerfile=/tmp/source \\
      --output type=image,name=${machine.registry}/team/app:1,push=true`;
  await machine.compose("exec", "-T", "buildkit", "sh", "-c", script);
  const manifest = await fetch(`http://${machine.registry}/v2/team/app/tags/list`, { headers: { authorization: `Basic ${btoa(`eventflow:${password}`)}` } });
  assert.deepEqual(await manifest.json(), { name: "team/app", tags: ["1"] });
  const socket = await machine.compose("exec", "-T", "eventflow", "curl", "-sS", "--http2-prior-knowledge", "-o", "/dev/null", "-w", "%{http_code}", "--unix-socket", "/run/buildkit/buildkitd.sock", "http://buildkit/");
  assert.match(socket, /^[2-5]\d\d$/, "the server reaches BuildKit's socket");
  assert.deepEqual(await machine.open(), []);
});

step("a Dockerfile is built by that BuildKit, pushed to that registry, and runs on this machine's engine", async (t) => {
  if (!machine.builds) return t.skip("there is no image moby/buildkit:rootless on this engine");
  const refused = async () => (await machine.compose("logs", "--no-log-prefix", "engine")).match(/^.*\b403 .*$/gm) ?? [];
  const before = (await refused()).length;
  const busybox = execFileSync("sh", ["-c", "command -v busybox"], { encoding: "utf8" }).trim();
  const dockerfile = [
    "FROM scratch AS run",
    "COPY --chmod=755 busybox /bin/busybox",
    'RUN ["/bin/busybox", "mkdir", "/made"]',
    "COPY index.html /www/index.html",
    'CMD ["/bin/busybox", "httpd", "-f", "-p", "8000", "-h", "/www"]',
    "FROM scratch",
    "COPY not-there /",
  ];
  await deployed("site", {
    files: {
      busybox: readFileSync(busybox),
      "index.html": "built\n",
      "docker/Dockerfile.prod": dockerfile.join("\n"),
      "function.json": JSON.stringify({ runtime: "docker", port: 8000, build: { dockerfile: "docker/Dockerfile.prod", target: "run" } }),
    },
  });
  assert.equal(await ask("/function/site/"), "built\n");
  const password = /^REGISTRY_PASSWORD=(.*)$/m.exec(readFileSync(join(machine.folder, ".env"), "utf8"))[1];
  const catalog = await fetch(`http://${machine.registry}/v2/_catalog`, { headers: { authorization: `Basic ${btoa(`eventflow:${password}`)}` } });
  assert.ok((await catalog.json()).repositories.includes("eventflow/default/site"));
  assert.equal((await refused()).length, before, `the server calls what is not in deploy/engine/calls:\n${(await refused()).join("\n")}`);
});

step("make down takes all of it away but the data", async () => {
  await machine.done("make", "down");
  const label = `label=com.docker.compose.project=${machine.project}`;
  assert.equal((await machine.done("docker", "ps", "-aq", "--filter", label)).trim(), "");
  assert.ok((await machine.done("docker", "volume", "ls", "-q", "--filter", label)).split("\n").length > 3);
});
