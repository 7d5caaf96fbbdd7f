'use strict';
// Starts the wrapper with an adapter, in a folder with a function's files, and calls it.

const assert = require('node:assert');
const { spawn } = require('node:child_process');
const fs = require('node:fs');
const http = require('node:http');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');

const WRAPPER = path.join(__dirname, '..', 'node', 'wrapper.cjs');
const RUN = '01890000-0000-7000-8000-000000000001';
const WITHIN_MS = 60_000;

function start(t, adapter, files, args, { env = {}, input, packages = false, program = process.execPath } = {}) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'adapter-'));
  for (const [name, content] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    fs.writeFileSync(path.join(folder, name), typeof content === 'string' ? content : JSON.stringify(content));
  }
  if (packages) fs.symlinkSync(path.join(__dirname, 'node_modules'), path.join(folder, 'node_modules'));
  const socket = path.join(folder, 'socket');
  const own = { EVENTFLOW_ADAPTER: adapter, EVENTFLOW_SOCKET: socket, EVENTFLOW_FUNCTION: 'f', EVENTFLOW_VERSION: '3', EVENTFLOW_RESULT: path.join(folder, 'result') };
  const child = spawn(program, [WRAPPER, ...args], { cwd: folder, env: { PATH: process.env.PATH, ...own, ...env } });
  const started = { child, folder, socket, output: '' };
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part) => (started.output += part));
  child.stdin.end(input);
  started.ended = new Promise((done) => child.on('close', (code) => done(code)));
  t.after(() => {
    child.kill('SIGKILL');
    fs.rmSync(folder, { recursive: true, force: true });
  });
  return started;
}

async function until(condition, what) {
  const end = Date.now() + WITHIN_MS;
  while (!(await condition())) {
    assert.ok(Date.now() < end, `it did not happen in time: ${what}`);
    await new Promise((done) => setTimeout(done, 5));
  }
}

/** A function that is served: `call(path, options)` answers `{ status, headers, text, json() }`. */
async function service(t, adapter, files, handler, options) {
  const started = start(t, adapter, files, [handler], options);
  await until(() => started.child.exitCode !== null || accepts(started.socket), 'it listens');
  assert.strictEqual(started.child.exitCode, null, started.output);
  return Object.assign(started, { call: (url, more) => ask(started.socket, url, more), send: (event) => deliver(started.socket, event) });
}

/** What the wrapper says of a function that it cannot load. */
async function refusal(t, adapter, files, handler, options) {
  const started = start(t, adapter, files, [handler], options);
  assert.strictEqual(await started.ended, 1, started.output);
  return started.output;
}

/** The result of a job. */
async function job(t, adapter, files, handler, event, options) {
  const started = start(t, adapter, files, [handler, '--job'], { ...options, input: JSON.stringify(event) });
  assert.strictEqual(await started.ended, 0, started.output);
  return JSON.parse(fs.readFileSync(path.join(started.folder, 'result'), 'utf8'));
}

function accepts(socket) {
  return new Promise((done) => {
    const probe = net.connect(socket, () => done(true));
    probe.on('error', () => done(false));
    probe.on('connect', () => probe.destroy());
  });
}

function ask(socketPath, url, { body, json, headers = {}, method, deadline, onPart } = {}) {
  const sent = json === undefined ? body : JSON.stringify(json);
  const all = { host: 'example.test', 'x-eventflow-run': RUN, ...(json === undefined ? {} : { 'content-type': 'application/json' }), ...headers };
  if (sent !== undefined) all['content-length'] = Buffer.byteLength(sent);
  if (deadline !== undefined) all['x-eventflow-deadline'] = deadline;
  return new Promise((resolve, reject) => {
    const request = http.request({ socketPath, path: url, method: method ?? (sent === undefined ? 'GET' : 'POST'), headers: all, timeout: WITHIN_MS }, (response) => {
      const parts = [];
      response.on('data', (part) => {
        parts.push(part);
        onPart?.(String(part));
      });
      response.on('error', reject);
      response.on('end', () => {
        const bytes = Buffer.concat(parts);
        const text = bytes.toString('utf8');
        resolve({ status: response.statusCode, headers: response.headers, bytes, text, json: () => JSON.parse(text) });
      });
    });
    request.on('error', reject);
    request.on('timeout', () => request.destroy(new Error(`no answer: ${url}`)));
    request.end(sent);
  });
}

/** An event as the platform delivers it to a service. */
function deliver(socketPath, event) {
  const whole = { specversion: '1.0', id: RUN, source: '/test', time: '2026-01-02T03:04:05Z', ...event };
  return ask(socketPath, '/', { body: JSON.stringify(whole), headers: { 'content-type': 'application/cloudevents+json', 'x-eventflow-event': whole.type } });
}

/** Output may come later than the answer. */
const said = (started, what) => until(() => what.test(started.output), `${what} in ${started.output}`);

module.exports = { RUN, said, deliver, job, refusal, service, start, until };
