'use strict';
// Runs a handler: `node wrapper.cjs FILE.EXPORT` serves HTTP on $EVENTFLOW_SOCKET (or $PORT),
// `node wrapper.cjs FILE.EXPORT --job` handles the one event on standard input.
// The working directory is the function's folder. README.md says what a handler sees and may return.

const fs = require('node:fs');

const { answer, sendError } = require('./answer.cjs');
const { BadRequest } = require('./body.cjs');
const { completeEvent, eventOf } = require('./event.cjs');
const { catchTheUncaught, messageOf, stackOf } = require('./failures.cjs');
const { stringify } = require('./json.cjs');
const { Owner, flush, markLines, owners } = require('./lines.cjs');
const { CannotLoad, load } = require('./load.cjs');

const BACKLOG = 4096;
const MAX_HEADER_BYTES = 64 * 1024;
// Between looks for connections that became idle while the server stops.
const IDLE_LOOK_MS = 20;

const FUNCTION = process.env.EVENTFLOW_FUNCTION ?? 'function';
const NAMESPACE = process.env.EVENTFLOW_NAMESPACE ?? 'default';
const VERSION = Number(process.env.EVENTFLOW_VERSION ?? 0);
const SOURCE = `eventflow/function/${FUNCTION}`;

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
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

function serve({ handler, isAdapted }) {
  const http = require('node:http');
  let stopping = false;

  function handle(request, response, body) {
    const headers = request.headers;
    const run = headers['x-eventflow-run'];
    const context = new Context(run, Number(headers['x-eventflow-attempt'] ?? 1), headers['x-eventflow-deadline']);
    const owner = new Owner(run);
    owner.fail = (error) => sendError(response, 500, 'function_error', messageOf(error));
    if (stopping) response.shouldKeepAlive = false;
    response.on('close', () => {
      if (response.writableFinished) context.over();
      // What listens to the signal belongs to the run, and so do its lines.
      else owners.run(owner, () => context.abort(new DOMException('the caller has gone away', 'AbortError')));
    });
    owners.run(owner, call, request, response, body, context, owner);
  }

  /** A run is over when it was answered: what has no line end yet is written then. */
  function call(request, response, body, context, owner) {
    const failed = (error) => {
      if (error instanceof BadRequest) {
        sendError(response, error.status, error.code, error.message);
      } else {
        process.stderr.write(`${stackOf(error)}\n`);
        owner.fail(error);
      }
      flush(owner);
    };
    const invoke = (wrong, event) => {
      try {
        if (wrong) throw wrong;
        // Other platforms' handlers answer by themselves, some of them: their adapters get what came and what goes.
        let result = isAdapted ? handler(event, context, { request, response }) : handler(event, context);
        if (typeof result?.then === 'function') result = Promise.resolve(result).then((value) => answer(response, value));
        else result = answer(response, result);
        if (result === undefined) flush(owner);
        else result.then(() => flush(owner), failed);
      } catch (error) {
        failed(error);
      }
    };
    try {
      eventOf(request, body, context, SOURCE, invoke);
    } catch (error) {
      failed(error);
    }
  }

  const server = http.createServer({ maxHeaderSize: MAX_HEADER_BYTES, requestTimeout: 0 }, (request, response) => {
    // Nobody's call: the platform asks whether this process still answers.
    if (request.headers['x-eventflow-probe'] !== undefined) {
      response.writeHead(204);
      response.end();
      return;
    }
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

  const sockets = new Set();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  process.on('SIGTERM', () => {
    if (stopping) return;
    stopping = true;
    server.close(() => process.exit(0));
    server.closeIdleConnections();
    setInterval(() => {
      server.closeIdleConnections();
      // Node takes a connection that was opened and not used yet for one with a request under way.
      for (const socket of sockets) if (socket.bytesRead === 0) socket.destroy();
    }, IDLE_LOOK_MS);
  });
  const socket = process.env.EVENTFLOW_SOCKET;
  if (socket) server.listen({ path: socket, backlog: BACKLOG });
  else server.listen({ port: Number(process.env.PORT ?? 8080), host: process.env.EVENTFLOW_HOST ?? process.env.HOST ?? '127.0.0.1', backlog: BACKLOG });
}

// ---- Jobs ----

async function job({ handler }) {
  const text = fs.readFileSync(0, 'utf8');
  let event;
  try {
    event = JSON.parse(text || 'null');
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
    if (event !== null && typeof event === 'object') await new Promise((done) => completeEvent(event, () => text, done));
    const result = await handler(event, context);
    if (EVENTFLOW_RESULT && result !== undefined) fs.writeFileSync(EVENTFLOW_RESULT, stringify(result));
  } catch (error) {
    fail(stackOf(error));
  }
  process.exit(0);
}

/** Nothing is left that could settle what is awaited: without this a job would end as if it had done its work. */
function failWhenNothingIsLeft(what) {
  process.once('beforeExit', () => fail(`${what} waits for a promise that nothing can settle any more`));
}

async function main() {
  const [name, mode] = process.argv.slice(2);
  if (name === undefined) fail('usage: wrapper.cjs FILE.EXPORT [--job]');
  const isJob = mode === '--job';
  if (!isJob) markLines();
  failWhenNothingIsLeft('the function');
  const loaded = await load(name).catch((error) => fail(error instanceof CannotLoad ? error.message : stackOf(error)));
  if (!isJob) catchTheUncaught();
  if (isJob) await job(loaded);
  else serve(loaded);
}

main();
