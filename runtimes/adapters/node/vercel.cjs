'use strict';
// Vercel: `api/*.js` with `(req, res)` and helpers, exports by method (`GET`, `POST`) with `Request` and `Response`, the Edge
// runtime's `export default (request) => Response`, and whole applications (Express) as the default export.

const path = require('node:path');

const { byMethod, METHODS } = require('./fetch.cjs');
const { helpRequest, helpResponse } = require('./shared-express.cjs');
const { filesOf, routeOf } = require('./shared-folder.cjs');
const { inBackground } = require('./shared-missing.cjs');
const { requestOf } = require('./shared-request.cjs');
const { applied, redirected, vercelRules } = require('./shared-rewrites.cjs');
const { matcherOf } = require('./shared-routes.cjs');
const { respond } = require('./shared-server.cjs');
const { fetched } = require('./shared-web.cjs');
const { applicationOf } = require('../../node/exports.cjs');
const { CannotLoad, pick } = require('../../node/load.cjs');

/** Where `@vercel/functions` looks for what belongs to the request. */
const REQUEST_CONTEXT = Symbol.for('@vercel/request-context');

function prepare() {
  globalThis[REQUEST_CONTEXT] ??= { get: () => ({ waitUntil: inBackground, headers: {}, url: '' }) };
}

function adapt({ exported, wanted, stem, shown }) {
  const call = callOf(exported, wanted, shown);
  const match = matcherOf([{ path: routeOf(`/${stem.replace(/(^|\/)index$/, '')}`) }]);
  const rules = vercelRules();
  return (event, context, exchange) => {
    const request = requestOf(event);
    const found = find(rules, match, request);
    if (found.redirect !== undefined) return redirected(found.redirect, request);
    return call(request, found.params ?? {}, context, exchange);
  };
}

/** Redirects come first, then the files, then rewrites. A function that is reached by a rewrite sees the address that was asked for. */
function find({ redirects, rewrites }, match, { path: asked }) {
  const redirect = applied(redirects, asked);
  if (redirect !== undefined) return { redirect };
  const direct = match('GET', asked);
  if (direct !== undefined) return { route: direct.route, params: listed(direct.params) };
  const rewritten = applied(rewrites, asked);
  if (rewritten === undefined) return {};
  const found = match('GET', rewritten.path.replace(/\.[cm]?[jt]s$/, '').replace(/\/index$/, ''));
  return { route: found?.route, params: { ...listed(found?.params), ...rewritten.params } };
}

/** All the files of a folder, each at its address. */
async function open({ stem, wanted, loadFile }) {
  const calls = new Map();
  const files = filesOf(stem, `/${stem}`);
  if (files.length === 0) throw new CannotLoad(`there is no function in the folder ${stem}`);
  for (const { file, route } of files) {
    const shown = path.relative('.', file);
    calls.set(route, callOf(await loadFile(file), wanted, shown));
  }
  const match = matcherOf([...calls.keys()].map((route) => ({ path: route })));
  const rules = vercelRules();
  return (event, context, exchange) => {
    const request = requestOf(event);
    const found = find(rules, match, request);
    if (found.redirect !== undefined) return redirected(found.redirect, request);
    if (found.route === undefined) return { statusCode: 404, headers: { 'content-type': 'text/plain' }, body: 'The page could not be found\n\nNOT_FOUND\n' };
    return calls.get(found.route.path)(request, found.params, context, exchange);
  };
}

/** `[...slug]` is a list. */
function listed(params) {
  return Object.fromEntries(Object.entries(params ?? {}).map(([name, value]) => [name, value.includes('/') ? value.split('/') : value]));
}

function callOf(exported, wanted, shown) {
  const found = pick(exported, wanted) ?? pick(exported, 'default');
  const methods = METHODS.filter((method) => typeof exported?.[method] === 'function');
  if (methods.length > 0) return web(byMethod(exported, methods), shown);
  if (typeof exported?.fetch === 'function' && typeof found !== 'function') return web((request) => exported.fetch(request), shown);
  const application = applicationOf(found);
  if (typeof found?.fetch === 'function' && application !== 'an Express application') return web((request) => found.fetch(request), shown);
  if (typeof found?.emit === 'function' && application === 'an HTTP server') return (request, params, context, exchange) => respond(request, exchange, (req, res) => void found.emit('request', req, res));
  if (typeof found !== 'function') throw new CannotLoad(`${shown} exports no function by default, and none of ${METHODS.join(', ')}`);
  if (exported?.config?.runtime === 'edge') return web(found, shown);
  const isWhole = application !== undefined;
  return (request, params, context, exchange) =>
    respond(request, exchange, async (req, res) => {
      // An application has its own `req.query` and `res.json`.
      if (!isWhole) {
        helpRequest(req, request, params);
        helpResponse(res);
      }
      const returned = await found(req, res);
      // A handler of one argument is one of the fetch API's.
      if (returned instanceof Response && !res.writableEnded) await pour(returned, res);
    });
}

function web(handler, shown) {
  return (request, params, context) => fetched(request, context, shown, (made) => handler(made, { waitUntil: inBackground, params }));
}

async function pour(response, res) {
  res.writeHead(response.status, [...response.headers].flat());
  for await (const part of response.body ?? []) res.write(part);
  res.end();
}

module.exports = { adapt, open, prepare };
