'use strict';
// `Request` and `Response` of the fetch API.

const { Readable } = require('node:stream');

const { originOf } = require('./shared-request.cjs');
const { asResult } = require('./shared-server.cjs');

const WITHOUT_BODY = new Set(['GET', 'HEAD']);
/** What the fetch API has no requests for. */
const FORBIDDEN = new Set(['CONNECT', 'TRACE', 'TRACK']);

/** The request as a `Request`; `undefined` for a method that the fetch API does not know. */
function webRequest(request, context) {
  const { method, body } = request;
  if (FORBIDDEN.has(method.toUpperCase())) return undefined;
  const headers = new Headers();
  for (const [name, value] of Object.entries(request.headers)) {
    for (const one of [].concat(value)) headers.append(name, one);
  }
  const sent = WITHOUT_BODY.has(method) || body.length === 0 ? undefined : body;
  return new Request(new URL(request.url, originOf(request).origin), { method, headers, body: sent, signal: context.signal });
}

/** Calls a handler of the fetch API's kind and sees to it that it answers. */
async function fetched(request, context, what, call) {
  const made = webRequest(request, context);
  if (made === undefined) return { statusCode: 405, body: `${request.method} is no method of the fetch API\n` };
  const response = await call(made);
  if (!isResponse(response)) {
    throw new TypeError(`${what} returned ${response === undefined ? 'nothing' : `a value of the type ${typeof response}`}: it must return a Response`);
  }
  return response;
}

/** A project may bring a `Response` of its own. */
function isResponse(value) {
  return typeof value === 'object' && value !== null && Number.isInteger(value.status) && typeof value.headers?.forEach === 'function';
}

/** What a job is left with: nothing that has to be read first. */
async function settled(result) {
  if (isResponse(result)) {
    const headers = {};
    result.headers.forEach((value, name) => {
      headers[name] = headers[name] === undefined ? value : [].concat(headers[name], value);
    });
    return asResult(result.status, headers, Buffer.from(await result.arrayBuffer()));
  }
  if (!(result?.body instanceof Readable)) return result;
  const parts = [];
  for await (const part of result.body) parts.push(Buffer.from(part));
  return asResult(result.statusCode, result.headers, Buffer.concat(parts));
}

module.exports = { fetched, isResponse, settled };
