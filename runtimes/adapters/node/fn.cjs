'use strict';
// Fn: a program that calls `fdk.handle(…)` of @fnproject/fdk, which serves Fn's own protocol on a Unix socket. It is spoken here.

const fs = require('node:fs');
const http = require('node:http');
const os = require('node:os');
const path = require('node:path');

const { originOf, requestOf } = require('./shared-request.cjs');
const { CannotLoad } = require('../../node/load.cjs');

const LOOK_MS = 5;
const WITHIN_MS = 30_000;

let socketPath;
/** Calls that the function has not answered. */
const pending = new Set();

function prepare() {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'fn-'));
  socketPath = path.join(folder, 'fn.sock');
  const { EVENTFLOW_FUNCTION: name = 'function', EVENTFLOW_NAMESPACE: namespace = 'default' } = process.env;
  const env = { FN_FORMAT: 'http-stream', FN_LISTENER: `unix:${socketPath}`, FN_APP_NAME: namespace, FN_APP_ID: namespace, FN_FN_NAME: name, FN_FN_ID: name, FN_MEMORY: process.env.EVENTFLOW_MEMORY_MB, FN_TYPE: 'sync' };
  for (const [key, value] of Object.entries(env)) if (value !== undefined) process.env[key] ??= value;
  process.on('exit', () => fs.rmSync(folder, { recursive: true, force: true }));
}

async function adapt({ shown }) {
  const until = Date.now() + WITHIN_MS;
  while (!fs.existsSync(socketPath)) {
    if (Date.now() > until) throw new CannotLoad(`${shown} does not call handle(…) of @fnproject/fdk`);
    await new Promise((done) => setTimeout(done, LOOK_MS));
  }
  // On Fn such an error ends the process, and with it what it was doing.
  for (const name of ['uncaughtException', 'unhandledRejection']) process.on(name, (error) => pending.forEach((fail) => fail(error)));
  return (event, context) => call(requestOf(event), context);
}

function call(request, context) {
  const headers = {
    'content-type': request.headers['content-type'] ?? 'application/json',
    'content-length': request.body.length,
    'fn-call-id': context.runId ?? 'local',
    'fn-deadline': context.deadline ?? new Date(Date.now() + WITHIN_MS).toISOString(),
    'fn-intent': 'httprequest',
    'fn-http-method': request.method,
    'fn-http-request-url': `${originOf(request).origin}${request.url}`,
  };
  for (const [name, value] of Object.entries(request.headers)) headers[`fn-http-h-${name}`] = value;
  return new Promise((resolve, reject) => {
    const over = (settle) => (value) => {
      pending.delete(fail);
      settle(value);
    };
    const fail = over((error) => {
      reject(error);
      asked.destroy();
    });
    pending.add(fail);
    const asked = http.request({ socketPath, method: 'POST', path: '/call', headers }, over((response) => resolve(answerOf(response))));
    asked.on('error', fail);
    asked.end(request.body);
  });
}

/** What the function said is in headers of Fn's; others are the protocol's. */
function answerOf(response) {
  const headers = {};
  let statusCode = response.statusCode === 200 ? 200 : 502;
  for (const [name, value] of Object.entries(response.headers)) {
    if (name === 'fn-http-status') statusCode = Number(value);
    else if (name.startsWith('fn-http-h-')) headers[name.slice('fn-http-h-'.length)] = value;
    else if (name === 'content-type') headers[name] ??= value;
  }
  return { statusCode, headers, body: response };
}

module.exports = { adapt, prepare };
