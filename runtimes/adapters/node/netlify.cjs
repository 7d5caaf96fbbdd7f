'use strict';
// Netlify: `export default async (request, context)` (v2), and `exports.handler = async (event, context)` (v1).

const path = require('node:path');

const { anyCase } = require('./shared-aws-event.cjs');
const { filesOf } = require('./shared-folder.cjs');
const { inBackground, missing } = require('./shared-missing.cjs');
const { callerOf, cookiesOf, isText, originOf, queryOf, requestOf, timeLeft } = require('./shared-request.cjs');
const { applied, netlifyRules, redirected } = require('./shared-rewrites.cjs');
const { matcherOf } = require('./shared-routes.cjs');
const { cookie } = require('./shared-express.cjs');
const { fetched } = require('./shared-web.cjs');
const { CannotLoad } = require('../../node/load.cjs');

const GEO = 'nothing in front of the function says where its caller is';
const SITE = 'there is no site of Netlify';

function prepare() {
  globalThis.Netlify ??= {
    env: {
      get: (name) => process.env[name],
      has: (name) => process.env[name] !== undefined,
      set: (name, value) => void (process.env[name] = value),
      delete: (name) => delete process.env[name],
      toObject: () => ({ ...process.env }),
    },
  };
}

function adapt({ exported, stem, shown }) {
  const { call, routes } = functionOf(exported, stem, shown);
  const match = matcherOf(routes.map((route) => ({ path: route, method: '*' })));
  const rules = netlifyRules();
  return (event, context) => {
    const request = requestOf(event);
    const found = match(request.method, request.path);
    const rule = found === undefined ? applied(rules, request.path) : undefined;
    if (rule !== undefined && isRedirect(rule)) return redirected(rule, request);
    return call(request, found?.params ?? {}, context, event);
  };
}

/** All the files of a folder: each at `/.netlify/functions/NAME`, or at the paths of its own. */
async function open({ stem, loadFile }) {
  const all = [];
  for (const { file } of filesOf(stem, '')) {
    const shown = path.relative('.', file);
    const { call, routes } = functionOf(await loadFile(file), shown.replace(/\.[a-z]+$/, ''), shown);
    for (const route of routes) all.push({ path: route, method: '*', call });
  }
  if (all.length === 0) throw new CannotLoad(`there is no function in the folder ${stem}`);
  const match = matcherOf(all);
  const rules = netlifyRules();
  return (event, context) => {
    const request = requestOf(event);
    let found = match(request.method, request.path);
    const rule = found === undefined ? applied(rules, request.path) : undefined;
    if (rule !== undefined && isRedirect(rule)) return redirected(rule, request);
    if (rule !== undefined) found = match(request.method, rule.path);
    return found === undefined ? { statusCode: 404, body: 'Not Found\n' } : found.route.call(request, found.params, context, event);
  };
}

/** Anything else is a rewrite: the function sees the address that was asked for. */
function isRedirect({ status }) {
  return status >= 300 && status <= 399;
}

function functionOf(exported, stem, shown) {
  const name = path.basename(stem) === 'index' ? path.basename(path.dirname(stem)) : path.basename(stem);
  const usual = `/.netlify/functions/${name}`;
  const own = exported?.config ?? exported?.default?.config;
  const found = exported?.default?.default ?? exported?.default;
  if (typeof found === 'function') {
    const routes = own?.path === undefined ? [usual] : [].concat(own.path);
    return { routes, call: second(found, own, shown) };
  }
  const handler = exported?.handler ?? found?.handler;
  if (typeof handler !== 'function') throw new CannotLoad(`${shown} exports neither a function by default nor a \`handler\``);
  return { routes: [usual, `${usual}/*`], call: first(handler) };
}

function second(handler, config, shown) {
  const methods = config?.method === undefined ? undefined : [].concat(config.method).map((method) => method.toUpperCase());
  return async (request, params, context, event) => {
    if (methods !== undefined && !methods.includes(request.method)) return { statusCode: 405, headers: { allow: methods.join(', ') }, body: 'Method Not Allowed\n' };
    const { given, cookies } = contextOf(request, params, context);
    if (event?.type === 'schedule.triggered' && event.http === undefined) request.body = Buffer.from(JSON.stringify({ next_run: null }));
    globalThis.Netlify.context = given;
    const response = await answered(() => fetched(request, context, shown, async (made) => (await handler(made, given)) ?? new Response(null, { status: 204 })));
    for (const one of cookies) response.headers?.append?.('set-cookie', one);
    return response;
  };
}

/** A response's headers may be closed to changes; a copy's are not. */
async function answered(ask) {
  const response = await ask();
  return response instanceof Response ? new Response(response.body, response) : response;
}

function contextOf(request, params, context) {
  const cookies = [];
  const sent = cookiesOf(request);
  const set = (first, value) => {
    const { name, value: said, ...options } = typeof first === 'object' ? first : { name: first, value };
    sent[name] = said;
    cookies.push(cookie(name, said, options));
  };
  const given = {
    params,
    ip: callerOf(request),
    requestId: context.runId,
    url: new URL(request.url, originOf(request).origin),
    cookies: {
      get: (name) => sent[name],
      set,
      delete: (first) => set({ ...(typeof first === 'object' ? first : { name: first }), value: '', expires: new Date(0) }),
    },
    json: (value) => Response.json(value),
    log: (...all) => console.log(...all),
    waitUntil: inBackground,
  };
  missing(given, 'context.', { geo: GEO, site: SITE, account: SITE, deploy: SITE, server: SITE, next: 'the function is the last to answer', rewrite: 'the function is the last to answer' });
  return { given, cookies };
}

function first(handler) {
  return (request, params, context) => {
    const query = queryOf(request.query);
    const lists = (values) => Object.fromEntries(Object.entries(values).map(([name, value]) => [name, [].concat(value)]));
    const text = isText(request);
    const event = {
      rawUrl: `${originOf(request).origin}${request.url}`,
      rawQuery: request.query,
      path: request.path,
      httpMethod: request.method,
      headers: request.headers,
      multiValueHeaders: anyCase(request.headers, (value) => [].concat(value)),
      queryStringParameters: Object.fromEntries(Object.entries(query).map(([name, value]) => [name, [].concat(value).join(', ')])),
      multiValueQueryStringParameters: lists(query),
      body: request.body.length === 0 ? null : request.body.toString(text ? 'utf8' : 'base64'),
      isBase64Encoded: !text,
    };
    const own = {
      callbackWaitsForEmptyEventLoop: true,
      functionName: process.env.EVENTFLOW_FUNCTION ?? 'function',
      functionVersion: process.env.EVENTFLOW_VERSION ?? '0',
      awsRequestId: context.runId,
      getRemainingTimeInMillis: () => timeLeft(context),
      // As on Netlify where nobody has signed in: `user` and `identity` are undefined.
      clientContext: {},
    };
    return new Promise((resolve, reject) => {
      const returned = handler(event, own, (error, result) => (error ? reject(typeof error === 'object' ? error : new Error(String(error))) : resolve(result)));
      if (typeof returned?.then === 'function') returned.then(resolve, reject);
      else if (handler.length < 3) resolve(returned);
    });
  };
}

module.exports = { adapt, open, prepare };
