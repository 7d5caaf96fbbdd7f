'use strict';
// Runs a handler: `node wrapper.cjs FILE.EXPORT` serves HTTP on $EVENTFLOW_SOCKET (or $PORT),
// `node wrapper.cjs FILE.EXPORT --job` handles the one event on standard input.
// The working directory is the function's folder. README.md says what a handler sees and may return.

const { AsyncLocalStorage } = require('node:async_hooks');
const fs = require('node:fs');
const path = require('node:path');

const RUN_START = '\x1e';
const RUN_END = '\x1f';
// A part of a line that is longer than this is written without waiting for its end.
const MAX_PARTIAL_LINE = 64 * 1024;
const BACKLOG = 4096;
const MAX_HEADER_BYTES = 64 * 1024;
// Between looks for connections that became idle while the server stops.
const IDLE_LOOK_MS = 20;

const FUNCTION = process.env.EVENTFLOW_FUNCTION ?? 'function';
const NAMESPACE = process.env.EVENTFLOW_NAMESPACE ?? 'default';
const VERSION = Number(process.env.EVENTFLOW_VERSION ?? 0);
const SOURCE = `eventflow/function/${FUNCTION}`;

// ---- The handler ----

/** Finds and loads the handler; ends the process with a clear message when there is none. */
async function load(name) {
  const dot = name.lastIndexOf('.');
  if (dot <= 0 || dot === name.length - 1) {
    fail(`the handler is "${name}", and must be FILE.EXPORT, such as index.handler`);
  }
  const stem = path.resolve(name.slice(0, dot));
  const wanted = name.slice(dot + 1);
  const candidates = [`${stem}.js`, `${stem}.mjs`, `${stem}.cjs`, path.join(stem, 'index.js'), path.join(stem, 'index.mjs')];
  const file = candidates.find((candidate) => fs.existsSync(candidate));
  if (file === undefined) {
    const tried = candidates.map((candidate) => path.relative('.', candidate)).join(', ');
    fail(`the handler is "${name}", but there is no such file: looked for ${tried}`);
  }
  const shown = path.relative('.', file);
  let exported;
  try {
    exported = await loadFile(file);
  } catch (error) {
    fail(`${shown} cannot be loaded: ${error?.stack ?? error}`);
  }
  const handler = exported[wanted] ?? exported.default?.[wanted];
  if (typeof handler !== 'function') {
    const found = Object.keys(exported).map((key) => `${key} (${typeof exported[key]})`).join(', ') || 'nothing';
    fail(`${shown} exports no function "${wanted}"; it exports ${found}`);
  }
  return handler;
}

async function loadFile(file) {
  if (!file.endsWith('.mjs')) {
    try {
      return require(file);
    } catch (error) {
      // `"type": "module"`, or a module that waits at its top: only import() loads those.
      if (error?.code !== 'ERR_REQUIRE_ESM' && error?.code !== 'ERR_REQUIRE_ASYNC_MODULE') throw error;
    }
  }
  return import(require('node:url').pathToFileURL(file).href);
}

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

// ---- Lines that know their run ----

const runs = new AsyncLocalStorage();
/** What was written outside of any run and is not a whole line yet. */
const outside = { mark: '', stdout: '', stderr: '' };

/** Makes each write come out as whole lines, each marked with the run it was written in. */
function markLines() {
  for (const name of ['stdout', 'stderr']) {
    const stream = process[name];
    const write = stream.write.bind(stream);
    stream.write = (chunk, encoding, callback) => {
      const done = typeof encoding === 'function' ? encoding : callback;
      const given = typeof encoding === 'string' ? encoding : 'utf8';
      const text = typeof chunk === 'string' && (given === 'utf8' || given === 'utf-8') ? chunk : Buffer.from(chunk, given).toString('utf8');
      const lines = wholeLines(runs.getStore() ?? outside, name, text);
      if (lines !== '') return write(lines, done);
      if (done) process.nextTick(done);
      return true;
    };
  }
  process.on('exit', () => flush(outside));
}

function wholeLines(owner, name, text) {
  const all = owner[name] === '' ? text : owner[name] + text;
  const end = all.lastIndexOf('\n') + 1;
  if (end !== all.length && all.length - end < MAX_PARTIAL_LINE) {
    owner[name] = all.slice(end);
    return end === 0 ? '' : marked(owner.mark, all.slice(0, end));
  }
  owner[name] = '';
  return marked(owner.mark, end === all.length ? all : `${all}\n`);
}

function marked(mark, lines) {
  if (mark === '') return lines;
  // One line is the usual case.
  if (lines.indexOf('\n') === lines.length - 1) return mark + lines;
  return mark + lines.slice(0, -1).replaceAll('\n', `\n${mark}`) + '\n';
}

/** Writes what has no line end yet. */
function flush(owner) {
  for (const name of ['stdout', 'stderr']) {
    if (owner[name] !== '') runs.run(owner, () => process[name].write('\n'));
  }
}

function markOf(run) {
  return run === undefined ? '' : RUN_START + run + RUN_END;
}

// ---- What a handler gets ----

/** The second argument of a handler. */
class Context {
  #controller;
  #timer;

  constructor(run, attempt, deadline) {
    this.function = FUNCTION;
    this.namespace = NAMESPACE;
    this.version = VERSION;
    this.runId = run;
    this.attempt = attempt;
    this.deadline = deadline;
  }

  /** Aborts at the deadline, when the caller goes away, and when the process is asked to end. Made when first asked for. */
  get signal() {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.deadline !== undefined) {
        const left = Math.max(0, Date.parse(this.deadline) - Date.now());
        const timeUp = () => this.abort(new DOMException('the deadline has passed', 'TimeoutError'));
        this.#timer = setTimeout(timeUp, Math.min(left, 2 ** 31 - 1));
        this.#timer.unref();
      }
    }
    return this.#controller.signal;
  }

  /** Whether the handler has taken the signal, and so may be expected to follow it. */
  get watched() {
    return this.#controller !== undefined;
  }

  abort(reason) {
    clearTimeout(this.#timer);
    this.#controller?.abort(reason);
  }

  /** The run is over: nothing is left to abort. */
  over() {
    clearTimeout(this.#timer);
  }
}
Object.defineProperty(Context.prototype, 'signal', { enumerable: true });

// ---- HTTP ----

const TEXT = /^(text\/|application\/(x-www-form-urlencoded|xml|javascript|yaml|x-yaml|graphql)\b|[^;]+\+xml\b)/i;
const JSON_TYPE = /^(application\/json|[^;]+\+json)\s*(;|$)/i;

/** A request that the caller got wrong. */
class BadRequest extends Error {}

function parse(text, what) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new BadRequest(`${what} is not valid JSON: ${error.message}`);
  }
}

/** Puts the body into the event as the type says: `data`, or `data_base64` for bytes. */
function setData(event, type, body) {
  if (body === undefined) {
    event.data = null;
  } else if (type !== undefined && JSON_TYPE.test(type)) {
    event.data = parse(body.toString('utf8'), 'the body');
  } else if (type === undefined ? isUtf8(body) : TEXT.test(type)) {
    event.data = body.toString('utf8');
  } else {
    event.data_base64 = body.toString('base64');
  }
}

function isUtf8(bytes) {
  return require('node:buffer').isUtf8(bytes);
}

function eventOf(request, body, run) {
  const type = request.headers['content-type'];
  if (type !== undefined && type.startsWith('application/cloudevents+json')) {
    const event = parse(body === undefined ? '' : body.toString('utf8'), 'the CloudEvent');
    if (event === null || typeof event !== 'object' || Array.isArray(event)) throw new BadRequest('the CloudEvent is not an object');
    return event;
  }
  if (request.headers['ce-specversion'] !== undefined) return binaryEvent(request.headers, type, body);
  return httpEvent(request, type, body, run);
}

function binaryEvent(headers, type, body) {
  const event = {};
  for (const name in headers) {
    if (name.startsWith('ce-')) event[name.slice(3)] = decode(headers[name]);
  }
  if (type !== undefined) event.datacontenttype = type;
  setData(event, type, body);
  return event;
}

function decode(value) {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

function httpEvent(request, type, body, run) {
  const url = request.url;
  const mark = url.indexOf('?');
  const headers = {};
  const given = request.headers;
  for (const name in given) {
    // Comparing the first letter first keeps this loop cheap.
    if (name.charCodeAt(0) === 120 && name.startsWith('x-eventflow-')) continue;
    headers[name] = given[name];
  }
  const event = {
    specversion: '1.0',
    id: run,
    source: SOURCE,
    type: 'http.invoke',
    time: new Date().toISOString(),
    datacontenttype: type,
    data: undefined,
    http: {
      method: request.method,
      path: mark === -1 ? url : url.slice(0, mark),
      query: mark === -1 ? {} : queryOf(url.slice(mark + 1)),
      headers,
    },
  };
  setData(event, type, body);
  return event;
}

/** A name that comes more than once has a list of values. */
function queryOf(text) {
  const values = new Map();
  for (const [name, value] of new URLSearchParams(text)) {
    const before = values.get(name);
    values.set(name, before === undefined ? value : [].concat(before, value));
  }
  return Object.fromEntries(values);
}

function sendJson(response, status, text) {
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  response.end(text);
}

function sendError(response, status, code, message) {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  sendJson(response, status, JSON.stringify({ error: { code, message } }));
}

/** Answers with what the handler returned. A promise when the body is a stream. */
function answer(response, result) {
  if (result === null || typeof result !== 'object' || !Number.isInteger(result.statusCode)) {
    sendJson(response, 200, JSON.stringify(result) ?? 'null');
    return undefined;
  }
  const { statusCode, body } = result;
  if (statusCode < 200 || statusCode > 599) throw new Error(`the handler returned statusCode ${statusCode}, and must return one from 200 to 599`);
  const headers = {};
  for (const [name, value] of Object.entries(result.headers ?? {})) {
    const lower = name.toLowerCase();
    // How the answer is framed is decided here.
    if (lower !== 'content-length' && lower !== 'transfer-encoding' && lower !== 'connection' && value !== undefined) headers[lower] = value;
  }
  let bytes;
  let type;
  if (body === undefined || body === null) {
    bytes = '';
  } else if (typeof body === 'string') {
    bytes = body;
    type = 'text/plain; charset=utf-8';
  } else if (ArrayBuffer.isView(body)) {
    bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
    type = 'application/octet-stream';
  } else if (typeof body === 'object' && !Array.isArray(body) && (body[Symbol.asyncIterator] || body[Symbol.iterator])) {
    headers['content-type'] ??= 'application/octet-stream';
    response.writeHead(statusCode, headers);
    return stream(response, body);
  } else {
    bytes = JSON.stringify(body) ?? '';
    type = 'application/json';
  }
  if (type !== undefined) headers['content-type'] ??= type;
  if (statusCode !== 204 && statusCode !== 304) headers['content-length'] = Buffer.byteLength(bytes);
  response.writeHead(statusCode, headers);
  response.end(bytes);
  return undefined;
}

/** Writes each part as it comes, no faster than the caller takes them; stops when the caller is gone. */
async function stream(response, body) {
  response.flushHeaders();
  for await (const part of body) {
    if (response.destroyed) return;
    const bytes = typeof part === 'string' || part instanceof Uint8Array ? part : JSON.stringify(part);
    if (!response.write(bytes)) await writable(response);
    if (response.destroyed) return;
  }
  response.end();
}

function writable(response) {
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.on('drain', done);
    response.on('close', done);
  });
}

function serve(handler) {
  const http = require('node:http');
  let stopping = false;

  function failed(response, error) {
    process.stderr.write(`${error?.stack ?? error}\n`);
    sendError(response, 500, 'function_error', String(error?.message ?? error));
  }

  function handle(request, response, body) {
    const headers = request.headers;
    const run = headers['x-eventflow-run'];
    const context = new Context(run, Number(headers['x-eventflow-attempt'] ?? 1), headers['x-eventflow-deadline']);
    const owner = { mark: markOf(run), stdout: '', stderr: '' };
    if (stopping) response.shouldKeepAlive = false;
    response.on('close', () => {
      if (response.writableFinished) context.over();
      else context.abort(new DOMException('the caller has gone away', 'AbortError'));
    });
    runs.run(owner, call, request, response, body, context, owner);
  }

  function call(request, response, body, context, owner) {
    let result;
    try {
      result = handler(eventOf(request, body, context.runId), context);
      if (typeof result?.then !== 'function') result = answer(response, result);
      else result = result.then((value) => answer(response, value));
    } catch (error) {
      if (error instanceof BadRequest) sendError(response, 400, 'bad_request', error.message);
      else failed(response, error);
    }
    if (typeof result?.then !== 'function') {
      flush(owner);
      return;
    }
    result.then(
      () => flush(owner),
      (error) => {
        failed(response, error);
        flush(owner);
      },
    );
  }

  const server = http.createServer({ maxHeaderSize: MAX_HEADER_BYTES, requestTimeout: 0 }, (request, response) => {
    const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
    if (encoding === undefined && (length === undefined || length === '0')) {
      handle(request, response, undefined);
      return;
    }
    const parts = [];
    request.on('data', (part) => parts.push(part));
    request.on('end', () => handle(request, response, parts.length === 1 ? parts[0] : parts.length === 0 ? undefined : Buffer.concat(parts)));
    request.on('error', () => response.destroy());
  });
  // The gateway decides how long a connection is kept and how long a request may take.
  server.keepAliveTimeout = 0;
  server.headersTimeout = 0;
  server.timeout = 0;
  server.on('error', (error) => fail(`cannot listen: ${error.message}`));

  process.on('SIGTERM', () => {
    if (stopping) return;
    stopping = true;
    server.close(() => process.exit(0));
    server.closeIdleConnections();
    setInterval(() => server.closeIdleConnections(), IDLE_LOOK_MS);
  });
  const socket = process.env.EVENTFLOW_SOCKET;
  if (socket) server.listen({ path: socket, backlog: BACKLOG });
  else server.listen({ port: Number(process.env.PORT ?? 8080), host: process.env.HOST ?? '127.0.0.1', backlog: BACKLOG });
}

// ---- Jobs ----

async function job(handler) {
  let event;
  try {
    event = JSON.parse(fs.readFileSync(0, 'utf8') || 'null');
  } catch (error) {
    fail(`the event on standard input is not valid JSON: ${error.message}`);
  }
  const { EVENTFLOW_RUN_ID, EVENTFLOW_ATTEMPT, EVENTFLOW_DEADLINE, EVENTFLOW_RESULT } = process.env;
  const context = new Context(EVENTFLOW_RUN_ID, Number(EVENTFLOW_ATTEMPT ?? 1), EVENTFLOW_DEADLINE);
  process.on('SIGTERM', () => {
    // A handler that watches its signal is trusted to end; any other is ended.
    if (context.watched) context.abort(new DOMException('the process was asked to end', 'AbortError'));
    else process.exit(143);
  });
  try {
    const result = await handler(event, context);
    if (EVENTFLOW_RESULT && result !== undefined) fs.writeFileSync(EVENTFLOW_RESULT, JSON.stringify(result) ?? 'null');
  } catch (error) {
    fail(error?.stack ?? String(error));
  }
  process.exit(0);
}

async function main() {
  const [name, mode] = process.argv.slice(2);
  if (name === undefined) fail('usage: wrapper.cjs FILE.EXPORT [--job]');
  const isJob = mode === '--job';
  if (!isJob) markLines();
  const handler = await load(name);
  if (isJob) await job(handler);
  else serve(handler);
}

main();
