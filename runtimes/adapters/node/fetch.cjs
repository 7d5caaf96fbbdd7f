'use strict';
// Handlers of the fetch API: `export default { fetch(request, env, ctx) }` as on Cloudflare, an application that has `fetch`
// (Hono, for one), a function of a `Request`, exports that are called by their method, and `addEventListener('fetch', …)`.

const { NotThere, inBackground, missing } = require('./shared-missing.cjs');
const { isFromHttp, requestOf } = require('./shared-request.cjs');
const { fetched } = require('./shared-web.cjs');
const { bindingsOf } = require('./shared-wrangler.cjs');
const { CannotLoad, pick } = require('../../node/load.cjs');

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];
const listeners = {};

function prepare() {
  globalThis.addEventListener ??= (type, listener) => {
    listeners[type] = listener;
  };
  if (globalThis.caches === undefined) {
    missing(globalThis, '', { caches: 'there is no cache in front of the function' });
  }
}

function adapt({ exported, wanted, shown }) {
  const { fetch, scheduled } = handlersOf(exported, wanted, shown);
  const env = environment();
  return (event, context) => {
    const ctx = contextOf();
    if (event?.type === 'schedule.triggered' && !isFromHttp(event) && scheduled !== undefined) {
      const at = Date.parse(event.time);
      const controller = { type: 'scheduled', cron: event.data?.cron ?? '', scheduledTime: Number.isNaN(at) ? Date.now() : at, noRetry() {} };
      return Promise.resolve(scheduled(controller, env, ctx)).then(() => undefined);
    }
    return fetched(requestOf(event), context, `fetch of ${shown}`, (request) => fetch(request, env, ctx));
  };
}

function handlersOf(exported, wanted, shown) {
  const found = pick(exported, wanted) ?? pick(exported, 'default');
  if (typeof found?.fetch === 'function') {
    return { fetch: (...all) => found.fetch(...all), scheduled: typeof found.scheduled === 'function' ? (...all) => found.scheduled(...all) : undefined };
  }
  if (typeof found === 'function') return { fetch: found };
  const methods = METHODS.filter((method) => typeof exported?.[method] === 'function');
  if (methods.length > 0) return { fetch: byMethod(exported, methods) };
  if (listeners.fetch !== undefined) return { fetch: listening(listeners.fetch), scheduled: listeners.scheduled && listeningToClock(listeners.scheduled) };
  throw new CannotLoad(`${shown} has no \`export default { fetch }\`, exports no function and none of ${METHODS.join(', ')}`);
}

/** One export for each method; HEAD is GET's where there is none. */
function byMethod(exported, methods) {
  return (request, ...rest) => {
    const method = request.method === 'HEAD' && exported.HEAD === undefined ? 'GET' : request.method;
    if (typeof exported[method] === 'function') return exported[method](request, ...rest);
    return new Response(null, { status: request.method === 'OPTIONS' ? 204 : 405, headers: { allow: methods.join(', ') } });
  };
}

function listening(listener) {
  return (request) =>
    new Promise((resolve, reject) => {
      let isAnswered = false;
      const event = {
        type: 'fetch',
        request,
        respondWith(response) {
          isAnswered = true;
          Promise.resolve(response).then(resolve, reject);
        },
        ...contextOf(),
      };
      listener(event);
      if (!isAnswered) reject(new Error('the listener of "fetch" did not call respondWith'));
    });
}

function listeningToClock(listener) {
  return async (controller) => {
    const waiting = [];
    listener({ ...controller, waitUntil: (promise) => waiting.push(promise) });
    await Promise.all(waiting);
  };
}

/** Variables are the environment's; a binding that wrangler's file declares raises when it is used. */
function environment() {
  const { variables, bindings } = bindingsOf();
  const env = { ...variables, ...process.env };
  for (const [name, kind] of Object.entries(bindings)) {
    if (process.env[name] === undefined) missing(env, 'env.', { [name]: `${kind} is a service of Cloudflare` });
  }
  env.ASSETS ??= { fetch: assets };
  return env;
}

/** `env.ASSETS`: the files that wrangler's file names, and no others. */
async function assets() {
  throw new NotThere('env.ASSETS', 'static files are served by a function of their own, or by a file server in front');
}

function contextOf() {
  return {
    waitUntil: inBackground,
    passThroughOnException() {},
    props: {},
  };
}

module.exports = { METHODS, adapt, byMethod, prepare };
