'use strict';
// Azure Functions, programming model v4: functions that `app.http(…)` of @azure/functions registers. The package hands them to
// `@azure/functions-core`, which only Azure's own host has; here it is this file.

const { randomUUID } = require('node:crypto');
const fs = require('node:fs');
const http = require('node:http');
const Module = require('node:module');
const path = require('node:path');

const { NotThere } = require('./shared-missing.cjs');
const { isFromHttp, originOf, requestOf } = require('./shared-request.cjs');
const { matcherOf } = require('./shared-routes.cjs');
const { CannotLoad } = require('../../node/load.cjs');

const CORE = '@azure/functions-core';
const MAX_FILES = 1000;

const functions = new Map();
const hooks = { preInvocation: [], postInvocation: [], appStart: [], appTerminate: [], log: [] };
let model;

class Disposable {
  constructor(dispose) {
    this.dispose = dispose;
  }

  static from(...all) {
    return new Disposable(() => all.forEach((one) => one.dispose()));
  }
}

const core = {
  version: '4.0.0',
  hostVersion: '4.1000.0',
  workerConfig: {},
  Disposable,
  registerFunction(metadata, callback) {
    functions.set(metadata.name, { metadata, callback });
    return new Disposable(() => functions.delete(metadata.name));
  },
  registerHook(name, callback) {
    if (hooks[name] === undefined) throw new RangeError(`there is no hook "${name}"`);
    hooks[name].push(callback);
    return new Disposable(() => (hooks[name] = hooks[name].filter((one) => one !== callback)));
  },
  setProgrammingModel: (given) => (model = given),
  getProgrammingModel: () => model,
  log: (level, category, message) => log(level, message),
};

const STDERR = new Set(['error', 'critical', 'warning']);

function log(level, message) {
  if (level === 'none') return;
  process[STDERR.has(level) ? 'stderr' : 'stdout'].write(`${message}\n`);
}

function prepare() {
  const load = Module._load;
  Module._load = function loadCore(name, ...rest) {
    return name === CORE ? core : load.call(this, name, ...rest);
  };
}

/** The file, and all others that `main` in package.json names: each registers functions. */
async function loadFile(place) {
  for (const other of mainFiles()) if (other !== place.file) await place.loadFile(other);
  return place.loadFile(place.file);
}

/** `main` may be a pattern: `src/{index.js,functions/*.js}`. */
function mainFiles() {
  let main;
  try {
    ({ main } = JSON.parse(fs.readFileSync('package.json', 'utf8')));
  } catch {
    return [];
  }
  if (typeof main !== 'string' || !/[*{]/.test(main)) return [];
  return alternatives(main).flatMap((pattern) => expand(path.posix.normalize(pattern))).slice(0, MAX_FILES);
}

function alternatives(pattern) {
  const found = /^(.*?)\{([^{}]*)\}(.*)$/.exec(pattern);
  return found === null ? [pattern] : found[2].split(',').flatMap((one) => alternatives(found[1] + one + found[3]));
}

function expand(pattern) {
  let places = ['.'];
  for (const segment of pattern.split('/')) {
    if (segment === '..') return [];
    const fits = new RegExp(`^${segment.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replace(/\*+/g, '.*')}$`);
    places = places.flatMap((place) => {
      if (segment === '**') return [place, ...foldersBelow(place)];
      if (!segment.includes('*')) return [path.join(place, segment)];
      return entriesOf(place).filter(({ name }) => fits.test(name)).map(({ name }) => path.join(place, name));
    });
  }
  return [...new Set(places)].map((place) => path.resolve(place)).filter((place) => fs.statSync(place, { throwIfNoEntry: false })?.isFile());
}

function foldersBelow(place, depth = 0) {
  if (depth > 8) return [];
  const inside = entriesOf(place).filter((entry) => entry.isDirectory() && entry.name !== 'node_modules').map(({ name }) => path.join(place, name));
  return inside.flatMap((folder) => [folder, ...foldersBelow(folder, depth + 1)]);
}

function entriesOf(place) {
  try {
    return fs.readdirSync(place, { withFileTypes: true });
  } catch {
    return [];
  }
}

async function adapt({ wanted, shown }) {
  if (functions.size === 0) throw new CannotLoad(`${shown} registers no function: app.http("NAME", { handler }) of @azure/functions does`);
  // Where the package itself listens, when `app.setup({ enableHttpStream: true })` was called.
  const streaming = (await model?.getCapabilities?.({}))?.HttpUri;
  for (const hook of hooks.appStart) await hook({ hookData: {}, appHookData: {}, hostVersion: core.hostVersion });
  const all = [...functions.values()].map(({ metadata, callback }) => ({ metadata, callback, trigger: triggerOf(metadata) }));
  const web = all.filter(({ trigger }) => isKind(trigger, 'httpTrigger'));
  const prefix = routePrefix();
  const routes = web.map((one) => ({ path: `/${prefix}/${one.trigger.route ?? one.metadata.name}`, method: one.trigger.methods?.length ? one.trigger.methods : '*', one }));
  const match = matcherOf(routes);
  const named = web.find(({ metadata }) => metadata.name === wanted) ?? (web.length === 1 ? web[0] : undefined);
  return (event, context) => {
    if (!isFromHttp(event)) return elsewise(all, event, context);
    const request = requestOf(event);
    const found = match(request.method, request.path);
    const chosen = found?.route.one ?? (acceptsMethod(named, request) ? named : undefined);
    if (chosen === undefined) return { statusCode: 404, body: '' };
    const params = found?.params ?? {};
    if (streaming !== undefined) return invokeStreaming(streaming, chosen, request, params, context);
    return invoke(chosen, httpData(request, params), context);
  };
}

function acceptsMethod(one, request) {
  const methods = one?.trigger.methods;
  return one !== undefined && (!methods?.length || methods.some((method) => method.toUpperCase() === request.method));
}

/** The clock's events reach a timer's function; others have triggers that EventFlow has no events for. */
function elsewise(all, event, context) {
  const timers = all.filter(({ trigger }) => isKind(trigger, 'timerTrigger'));
  if (event?.type === 'schedule.triggered' && timers.length > 0) {
    const one = timers.length === 1 ? timers[0] : timers.find(({ trigger }) => trigger.schedule === event.data?.cron);
    if (one === undefined) throw new Error(`several functions have a timer, and none of them the schedule "${event.data?.cron}"`);
    const at = event.time ?? new Date().toISOString();
    return invoke(one, { json: JSON.stringify({ Schedule: { AdjustForDST: true }, ScheduleStatus: { Last: at, LastUpdated: at, Next: at }, IsPastDue: false }) }, context);
  }
  const kinds = [...new Set(all.map(({ trigger }) => trigger?.type))].join(', ');
  throw new NotThere(`a trigger for events of the type "${event?.type}"`, `the functions here are started by ${kinds}`);
}

function triggerOf(metadata) {
  return Object.values(metadata.bindings).find(({ type }) => /trigger$/i.test(type ?? ''));
}

function isKind(trigger, kind) {
  return trigger?.type?.toLowerCase() === kind.toLowerCase();
}

/** `extensions.http.routePrefix` of host.json; `api` when it is not said. */
function routePrefix() {
  try {
    const { extensions } = JSON.parse(fs.readFileSync('host.json', 'utf8'));
    return (extensions?.http?.routePrefix ?? 'api').replace(/^\/|\/$/g, '');
  } catch {
    return 'api';
  }
}

function httpData(request, params) {
  const headers = Object.fromEntries(Object.entries(request.headers).map(([name, value]) => [name, String(value)]));
  const url = `${originOf(request).origin}${request.url}`;
  return { http: { method: request.method, url, headers, params, query: Object.fromEntries(new URLSearchParams(request.query)), body: { bytes: request.body } } };
}

/** One invocation, as Azure's worker does it with the model of @azure/functions. */
async function invoke({ metadata, callback, trigger }, data, { runId, params = {} }) {
  const bindings = Object.entries(metadata.bindings);
  const others = bindings.filter(([, { type, direction }]) => !/trigger$/i.test(type ?? '') && !(direction === 'out' && type?.toLowerCase() === 'http'));
  const [triggerName] = bindings.find(([, binding]) => binding === trigger);
  const invocationId = runId ?? randomUUID();
  const triggerMetadata = Object.fromEntries(Object.entries(params).map(([name, value]) => [name, { string: value }]));
  const invocation = model.getInvocationModel({
    invocationId,
    metadata,
    state: 'invocation',
    log: (level, category, message) => log(level, message),
    request: { invocationId, functionId: metadata.name, inputData: [{ name: triggerName, data }], triggerMetadata, traceContext: {}, retryContext: null },
  });
  const { context: own, inputs } = await invocation.getArguments();
  withoutBindings(own, others);
  const before = { hookData: {}, appHookData: {}, invocationContext: own, functionCallback: callback, inputs };
  for (const hook of hooks.preInvocation) await hook(before);
  const after = { ...before, result: null, error: null };
  try {
    after.result = await invocation.invokeFunction(own, before.inputs, before.functionCallback);
  } catch (error) {
    after.error = error;
  }
  for (const hook of hooks.postInvocation) await hook(after);
  if (after.error) throw after.error;
  if (!isKind(trigger, 'httpTrigger')) return after.result;
  const response = await invocation.getResponse(own, after.result);
  return answerOf(response.returnValue?.http);
}

/** The package gets the request, and gives the answer, over a connection of its own: as it comes. */
function invokeStreaming(uri, chosen, request, params, context) {
  const runId = context.runId ?? randomUUID();
  const { scheme, host } = originOf(request);
  const { 'transfer-encoding': framing, ...kept } = request.headers;
  const headers = { ...kept, 'content-length': request.body.length, 'x-forwarded-host': host, 'x-forwarded-proto': scheme, 'x-ms-invocation-id': runId };
  return new Promise((resolve, reject) => {
    const asked = http.request(uri, { path: request.url, method: request.method, headers }, (response) => {
      const { 'x-ms-invocation-id': own, ...answered } = response.headers;
      resolve({ statusCode: response.statusCode, headers: answered, body: response });
    });
    asked.on('error', reject);
    asked.end(request.body);
    invoke(chosen, { http: null }, { runId, params }).catch((error) => {
      reject(error);
      asked.destroy();
    });
  });
}

/** Bindings to other services of Azure: `context.extraInputs.get(…)` says which is not there. */
function withoutBindings(own, others) {
  for (const [direction, extra] of [['in', own.extraInputs], ['out', own.extraOutputs]]) {
    const names = new Map(others.filter(([, binding]) => binding.direction === direction).map(([name, { type }]) => [name, type]));
    if (names.size === 0) continue;
    const method = direction === 'in' ? 'get' : 'set';
    const plain = extra[method].bind(extra);
    extra[method] = (key, ...rest) => {
      const name = typeof key === 'string' ? key : key?.name;
      if (names.has(name)) throw new NotThere(`the ${direction === 'in' ? 'input' : 'output'} binding "${name}"`, `${names.get(name)} is a service of Azure`);
      return plain(key, ...rest);
    };
  }
}

function answerOf(http) {
  if (!http) return { statusCode: 204, body: '' };
  const bytes = http.body?.bytes ?? http.body?.string ?? '';
  return { statusCode: Number(http.statusCode ?? 200), headers: http.headers ?? {}, cookies: (http.cookies ?? []).map(cookieOf), body: typeof bytes === 'string' ? bytes : Buffer.from(bytes) };
}

function cookieOf(cookie) {
  const plain = (value) => (typeof value === 'object' && value !== null ? value.value : value);
  const parts = [`${cookie.name}=${encodeURIComponent(cookie.value)}`];
  const [maxAge, domain, at, expires] = ['maxAge', 'domain', 'path', 'expires'].map((name) => plain(cookie[name]));
  if (maxAge !== undefined && maxAge !== null) parts.push(`Max-Age=${maxAge}`);
  if (domain) parts.push(`Domain=${domain}`);
  if (at) parts.push(`Path=${at}`);
  if (expires !== undefined && expires !== null) parts.push(`Expires=${new Date(Number.isInteger(expires?.seconds) ? expires.seconds * 1000 : expires).toUTCString()}`);
  if (plain(cookie.httpOnly)) parts.push('HttpOnly');
  if (plain(cookie.secure)) parts.push('Secure');
  const sameSite = { lax: 'Lax', strict: 'Strict', explicitnone: 'None' }[String(cookie.sameSite).toLowerCase()];
  if (sameSite !== undefined) parts.push(`SameSite=${sameSite}`);
  return parts.join('; ');
}

module.exports = { adapt, loadFile, prepare };
