// EventFlow behind the proxies of deploy/, with TLS: the files as they stand, but for ports, names and certificates.

import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect as connectHttp2 } from "node:http2";
import { request } from "node:https";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import WebSocket from "ws";

import { start, until } from "../server.mjs";
import { REPOSITORY } from "./session.mjs";

const NAME = "flow.example.com";
/** Bytes of an upload that the server takes, and a proxy's default limit does not. */
const UPLOAD = 20 << 20;

const file = (name) => readFileSync(join(REPOSITORY, "deploy", name), "utf8");

function freePort() {
  return new Promise((found) => {
    const listener = createServer().listen(0, "127.0.0.1", () => {
      const { port } = listener.address();
      listener.close(() => found(port));
    });
  });
}

const PROXIES = {
  nginx({ folder, certificate, key, server, http, https }) {
    const config = file("nginx/eventflow.conf")
      .replaceAll("127.0.0.1:8080", server)
      .replaceAll("listen 80;", `listen 127.0.0.1:${http};`)
      .replaceAll("listen 443 ssl", `listen 127.0.0.1:${https} ssl`)
      .replaceAll("/etc/ssl/flow.pem", certificate)
      .replaceAll("/etc/ssl/flow.key", key);
    const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${folder}/${name};`);
    writeFileSync(
      join(folder, "nginx.conf"),
      `daemon off; pid ${folder}/nginx.pid; error_log ${folder}/error.log; ${process.getuid() === 0 ? "user root;" : ""}
       events {} http { access_log off; ${temporary.join(" ")} ${config} }`,
    );
    return ["/usr/sbin/nginx", ["-c", join(folder, "nginx.conf"), "-e", join(folder, "error.log")]];
  },
  caddy({ folder, certificate, key, server, http, https }) {
    const options = `{\n\tadmin off\n\thttp_port ${http}\n\thttps_port ${https}\n\tdefault_bind 127.0.0.1\n}\n`;
    const config = file("caddy/Caddyfile")
      .replaceAll("127.0.0.1:8080", server)
      .replace(`${NAME} {`, `${NAME} {\n\ttls ${certificate} ${key}`);
    writeFileSync(join(folder, "Caddyfile"), options + config);
    return ["caddy", ["run", "--adapter", "caddyfile", "--config", join(folder, "Caddyfile")]];
  },
};

for (const [name, prepare] of Object.entries(PROXIES)) {
  describe(`behind ${name}`, () => {
    let folder;
    let server;
    let proxy;
    let ports;
    let token;
    const open = (path, options = {}) =>
      request({
        host: "127.0.0.1",
        port: ports.https,
        path,
        servername: NAME,
        rejectUnauthorized: false,
        ...options,
        headers: { host: NAME, authorization: `Bearer ${token}`, ...options.headers },
      });
    /** Status, headers and text of an answer. */
    const ask = (path, { body, ...options } = {}) =>
      new Promise((done, fail) => {
        const asked = open(path, options);
        asked.on("error", fail);
        asked.on("response", async (answer) => {
          let text = "";
          for await (const part of answer) text += part;
          done({ status: answer.statusCode, headers: answer.headers, text });
        });
        asked.end(body);
      });

    const signIn = (path) =>
      ask(path, {
        method: "POST",
        headers: { "content-type": "application/json", origin: `https://${NAME}` },
        body: JSON.stringify({ username: "admin", password: server.password }),
      });

    before(async () => {
      folder = mkdtempSync(join(tmpdir(), `eventflow-${name}-`));
      server = await start({ EVENTFLOW_PUBLIC_URL: `https://${NAME}`, EVENTFLOW_TRUSTED_PROXIES: "127.0.0.1" }, { dev: false });
      const certificate = join(folder, "flow.pem");
      const key = join(folder, "flow.key");
      execFileSync("openssl", ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", `/CN=${NAME}`, "-addext", `subjectAltName=DNS:${NAME}`, "-keyout", key, "-out", certificate], { stdio: "ignore" });
      ports = { http: await freePort(), https: await freePort() };
      mkdirSync(join(folder, "home"));
      const [program, args] = prepare({ folder, certificate, key, server: new URL(server.url).host, ...ports });
      proxy = spawn(program, args, { stdio: ["ignore", "ignore", "pipe"], env: { PATH: process.env.PATH, HOME: join(folder, "home") } });
      let said = "";
      proxy.stderr.setEncoding("utf8").on("data", (text) => (said += text));
      const ended = new Promise((_, refuse) => {
        proxy.once("error", (error) => refuse(new Error(`${program} is missing (Debian: apt-get install nginx-light caddy): ${error.message}`)));
        proxy.once("exit", (code) => refuse(new Error(`${program} ended with ${code}: ${said}`)));
      });
      ended.catch(() => {});
      await Promise.race([ended, until(`${name} answers`, () => ask("/healthz").then(({ status }) => status === 200, () => false))]);
      const signedIn = await signIn("/auth/token");
      assert.equal(signedIn.status, 200, signedIn.text);
      ({ token } = JSON.parse(signedIn.text));
      const bundle = execFileSync("tar", ["-C", join(REPOSITORY, "runtimes/node/template"), "-czf", "-", "."]);
      const { digest } = JSON.parse((await ask("/v1/bundles", { method: "POST", headers: { "content-type": "application/gzip" }, body: bundle })).text);
      const registered = await ask("/v1/functions", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ name: "hello", source: { bundle: { digest } } }),
      });
      assert.equal(registered.status, 201, registered.text);
      await until("the function answers", async () => (await ask("/function/hello")).status === 200);
    });

    after(async () => {
      proxy?.removeAllListeners("exit").kill("SIGKILL");
      await server?.stop();
      rmSync(folder, { recursive: true, force: true });
    });

    it("speaks HTTP/2 with callers", async () => {
      const session = connectHttp2(`https://127.0.0.1:${ports.https}`, { servername: NAME, rejectUnauthorized: false });
      const stream = session.request({ ":path": "/healthz", ":authority": NAME });
      const headers = await new Promise((found, fail) => stream.once("response", found).once("error", fail) && session.once("error", fail));
      assert.equal(headers[":status"], 200);
      stream.close();
      session.destroy();
    });

    it("is known by its name and scheme, and the caller by its address", async () => {
      const { text } = await ask("/v1/functions/hello");
      assert.equal(JSON.parse(text).url, `https://${NAME}/function/hello`);
      const signedIn = await signIn("/auth/token?cookie=true");
      assert.equal(signedIn.status, 200, signedIn.text);
      assert.match(String(signedIn.headers["set-cookie"]), /^__Host-eventflow_session=.*Secure/s);
      const forged = await ask("/function/hello", { headers: { "x-forwarded-for": "192.0.2.1", "x-forwarded-proto": "http" } });
      assert.equal(forged.status, 200, forged.text);
    });

    it("passes on a body of 20 MiB", async () => {
      const { status, text } = await ask("/v1/bundles", { method: "POST", headers: { "content-type": "application/zip" }, body: Buffer.alloc(UPLOAD) });
      assert.equal(status, 400, text);
      assert.match(text, /bad_bundle/, "the server itself refused it, after it had read it");
    });

    it("passes on a live log line by line", async () => {
      const asked = open("/v1/functions/hello/logs?follow=true", { headers: { accept: "text/event-stream" } });
      asked.end();
      const answer = await new Promise((found, fail) => asked.once("response", found).once("error", fail));
      assert.equal(answer.statusCode, 200);
      let text = "";
      answer.setEncoding("utf8").on("data", (part) => (text += part));
      answer.on("error", () => {});
      await ask("/function/hello?name=stream");
      await until("the line of the call arrives while the answer goes on", () => text.includes("data:"));
      asked.destroy();
    });

    it("passes on a WebSocket", async () => {
      const socket = new WebSocket(`wss://127.0.0.1:${ports.https}/graphql`, "graphql-transport-ws", {
        headers: { host: NAME },
        servername: NAME,
        rejectUnauthorized: false,
      });
      const said = [];
      socket.on("message", (message) => said.push(JSON.parse(message)));
      socket.on("open", () => socket.send(JSON.stringify({ type: "connection_init", payload: { Authorization: `Bearer ${token}` } })));
      socket.on("error", (error) => said.push({ type: `error: ${error.message}` }));
      await until("the connection is acknowledged", () => said.length > 0);
      assert.equal(said[0].type, "connection_ack");
      socket.send(JSON.stringify({ id: "1", type: "subscribe", payload: { query: "{ viewer { name } }" } }));
      await until("the query is answered", () => said.some(({ type }) => type === "complete"));
      assert.ok(said.some(({ type, payload }) => type === "next" && !payload.errors), JSON.stringify(said));
      socket.close();
    });

    if (name === "nginx") {
      it("leads from http to https", async () => {
        const answer = await fetch(`http://127.0.0.1:${ports.http}/x`, { redirect: "manual" });
        assert.equal(answer.status, 301);
      });
    }
  });
}
