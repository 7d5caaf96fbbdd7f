'use strict';
// What adapters share: an event of EventFlow's as the HTTP request that other platforms' handlers expect.

const { isUtf8 } = require('node:buffer');

const { RAW_QUERY } = require('../../node/event.cjs');

const TEXT = /^\s*(text\/|application\/(json|javascript|xml|x-www-form-urlencoded|yaml|graphql)\b|[^;]+\+(json|xml)\b)/i;
const JSON_TYPE = /^\s*(application\/json|text\/json|[^;]+\+json)\s*(;|$)/i;
const FORM = /^\s*application\/x-www-form-urlencoded\s*(;|$)/i;

/**
 * `{ method, path, query, url, headers, body }`: `query` as it was sent, `headers` by small names, `body` a Buffer.
 * An event that did not come over HTTP is the POST that the HTTP binding of CloudEvents makes of it.
 */
function requestOf(event) {
  const http = event?.http;
  if (isFromHttp(event)) {
    const query = http[RAW_QUERY] ?? queryText(http.query);
    const path = typeof http.path === 'string' && http.path !== '' ? http.path : '/';
    return withUrl({ method: http.method, path, query, headers: { ...http.headers }, body: bytesOf(http.rawBody) });
  }
  const { data, data_base64: encoded, datacontenttype: type, ...attributes } = event ?? {};
  const headers = {};
  for (const [name, value] of Object.entries(attributes)) {
    if (['string', 'number', 'boolean'].includes(typeof value)) headers[`ce-${name}`] = asHeader(String(value));
  }
  const isText = typeof data === 'string' && typeof type === 'string' && !JSON_TYPE.test(type);
  const body = typeof encoded === 'string' ? Buffer.from(encoded, 'base64') : data === undefined ? Buffer.alloc(0) : Buffer.from(isText ? data : JSON.stringify(data));
  if (body.length > 0) headers['content-type'] = typeof type === 'string' ? type : 'application/json';
  headers['content-length'] = String(body.length);
  headers.host = 'localhost';
  return withUrl({ method: 'POST', path: '/', query: '', headers, body });
}

/** Whether an event is a call, or a webhook's delivery. */
function isFromHttp(event) {
  const http = event?.http;
  return typeof http === 'object' && http !== null && typeof http.method === 'string';
}

function withUrl(request) {
  request.url = request.query === '' ? request.path : `${request.path}?${request.query}`;
  return request;
}

/** As the binding of CloudEvents wants it: what is no printable ASCII is percent-encoded. */
function asHeader(text) {
  return text.replace(/[^\x21\x23\x24\x26-\x7e ]/gu, (char) => encodeURIComponent(char));
}

function queryText(query) {
  const all = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {})) {
    for (const one of [].concat(value)) all.append(name, String(one));
  }
  return all.toString();
}

function bytesOf(body) {
  return Buffer.isBuffer(body) ? body : Buffer.alloc(0);
}

/** Names with one value, or the list of all of them where there are several. */
function queryOf(query) {
  const values = {};
  for (const [name, value] of new URLSearchParams(query)) {
    const before = Object.hasOwn(values, name) ? values[name] : undefined;
    // A name may be `__proto__`.
    Object.defineProperty(values, name, { value: before === undefined ? value : [].concat(before, value), enumerable: true, writable: true, configurable: true });
  }
  return values;
}

/** The address that the caller used. */
function originOf(request) {
  const first = (name) => request.headers[name]?.split(',')[0].trim();
  const host = first('x-forwarded-host') ?? first('host') ?? 'localhost';
  const scheme = first('x-forwarded-proto') === 'https' ? 'https' : 'http';
  return { scheme, host, origin: `${scheme}://${host}` };
}

function callerOf(request) {
  return request.headers['x-forwarded-for']?.split(',')[0].trim() || '127.0.0.1';
}

function cookiesOf(request) {
  const cookies = {};
  for (const part of (request.headers.cookie ?? '').split(';')) {
    const at = part.indexOf('=');
    if (at === -1) continue;
    const name = part.slice(0, at).trim();
    const value = part.slice(at + 1).trim().replace(/^"(.*)"$/, '$1');
    if (name !== '' && !Object.hasOwn(cookies, name)) cookies[name] = decoded(value);
  }
  return cookies;
}

/** Percent-decoded where that is possible. */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Whether a body can be handed on as text without losing any of it. */
function isText(request) {
  const type = request.headers['content-type'];
  if (request.headers['content-encoding'] !== undefined && request.headers['content-encoding'] !== 'identity') return false;
  return (type === undefined || TEXT.test(type)) && isUtf8(request.body);
}

function isJson(type) {
  return JSON_TYPE.test(type ?? '');
}

function isForm(type) {
  return FORM.test(type ?? '');
}

/** The time that is left before the deadline, in milliseconds; the longest that Lambda knows where there is none. */
function timeLeft(context) {
  const deadline = Date.parse(context.deadline ?? '');
  return Number.isNaN(deadline) ? 900_000 : Math.max(0, deadline - Date.now());
}

module.exports = { callerOf, cookiesOf, decoded, isForm, isFromHttp, isJson, isText, originOf, queryOf, requestOf, timeLeft };
