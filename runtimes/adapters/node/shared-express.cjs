'use strict';
// What Vercel and the Functions Framework add to Node's `req` and `res`, as far as it goes without Express.

const { cookiesOf, isForm, isJson, originOf, queryOf } = require('./shared-request.cjs');
const { BadRequest } = require('../../node/body.cjs');
const { missing } = require('./shared-missing.cjs');

/** `req.query`, `req.cookies` and `req.body`, each made when it is first asked for. */
function helpRequest(req, request, params) {
  lazy(req, 'query', () => ({ ...queryOf(request.query), ...params }));
  lazy(req, 'cookies', () => cookiesOf(request));
  lazy(req, 'body', () => bodyOf(request));
  return req;
}

/** As the type of the body says: an object, text, bytes, or nothing. */
function bodyOf(request) {
  const { body } = request;
  const type = request.headers['content-type'];
  if (body.length === 0) return isJson(type) ? {} : undefined;
  if (isJson(type)) {
    try {
      return JSON.parse(body.toString('utf8'));
    } catch {
      throw new BadRequest('the body is not valid JSON');
    }
  }
  if (isForm(type)) return queryOf(body.toString('utf8'));
  return type === undefined || /^\s*text\//i.test(type) ? body.toString('utf8') : body;
}

function lazy(object, name, make) {
  Object.defineProperty(object, name, {
    get() {
      const value = make();
      Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true });
      return value;
    },
    set(value) {
      Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true });
    },
    enumerable: true,
    configurable: true,
  });
}

/** `status`, `send`, `json` and `redirect`. */
function helpResponse(res) {
  return Object.assign(res, {
    status(code) {
      res.statusCode = code;
      return res;
    },
    send: (body) => send(res, body),
    json(value) {
      if (!res.hasHeader('content-type')) res.setHeader('content-type', 'application/json; charset=utf-8');
      return finish(res, JSON.stringify(value) ?? '');
    },
    redirect(first, second) {
      const [status, url] = typeof first === 'number' ? [first, second] : [REDIRECT, first];
      if (typeof url !== 'string') throw new TypeError('redirect needs the address as text');
      res.statusCode = status;
      res.setHeader('location', encodeURI(url).replace(/%25/g, '%'));
      return finish(res, '');
    },
  });
}

const REDIRECT = 307;

function send(res, body) {
  if (body === undefined || body === null) return finish(res, '');
  if (typeof body === 'string') {
    if (!res.hasHeader('content-type')) res.setHeader('content-type', 'text/html; charset=utf-8');
    return finish(res, body);
  }
  if (ArrayBuffer.isView(body)) {
    if (!res.hasHeader('content-type')) res.setHeader('content-type', 'application/octet-stream');
    return finish(res, Buffer.from(body.buffer, body.byteOffset, body.byteLength));
  }
  if (typeof body.pipe === 'function') {
    body.pipe(res);
    return res;
  }
  return res.json(body);
}

function finish(res, body) {
  if (![204, 304].includes(res.statusCode)) res.setHeader('content-length', Buffer.byteLength(body));
  res.end(res.req?.method === 'HEAD' ? undefined : body);
  return res;
}

/** More of Express: for functions that were written for the Functions Framework, where it is not installed. */
function likeExpress(req, res, request) {
  const { scheme, host } = originOf(request);
  Object.assign(req, {
    originalUrl: request.url,
    baseUrl: '',
    path: request.path,
    params: { 0: request.path.slice(1) },
    rawBody: request.body,
    protocol: scheme,
    secure: scheme === 'https',
    hostname: host.replace(/:\d+$/, ''),
    ip: request.headers['x-forwarded-for']?.split(',')[0].trim() ?? '127.0.0.1',
    xhr: request.headers['x-requested-with']?.toLowerCase() === 'xmlhttprequest',
    get: (name) => request.headers[/^referr?er$/i.test(name) ? 'referer' : name.toLowerCase()],
    is: (type) => (request.headers['content-type'] ?? '').toLowerCase().includes(type.toLowerCase()) && type,
    res,
  });
  req.header = req.get;
  const set = (name, value) => {
    if (typeof name === 'object') Object.entries(name).forEach(([one, said]) => res.setHeader(one, said));
    else res.setHeader(name, Array.isArray(value) ? value : String(value));
    return res;
  };
  Object.assign(res, {
    req,
    set,
    header: set,
    get: (name) => res.getHeader(name),
    append(name, value) {
      res.appendHeader(name, value);
      return res;
    },
    type: (kind) => set('content-type', TYPES[kind] ?? kind),
    contentType: (kind) => set('content-type', TYPES[kind] ?? kind),
    location: (url) => set('location', url),
    sendStatus(code) {
      res.statusCode = code;
      res.setHeader('content-type', 'text/plain; charset=utf-8');
      return finish(res, require('node:http').STATUS_CODES[code] ?? String(code));
    },
    cookie: (name, value, options) => res.append('set-cookie', cookie(name, value, options)),
    clearCookie: (name, options) => res.append('set-cookie', cookie(name, '', { ...options, expires: new Date(0) })),
    redirect(first, second) {
      const [status, url] = typeof first === 'number' ? [first, second] : [302, first];
      res.statusCode = status;
      res.setHeader('location', url);
      return finish(res, '');
    },
  });
  const express = 'it is a part of Express: add "@google-cloud/functions-framework" to the dependencies in package.json';
  missing(res, 'res.', { render: express, sendFile: express, download: express, format: express, jsonp: express, attachment: express, links: express, vary: express, app: express });
  missing(req, 'req.', { app: express, accepts: express, acceptsLanguages: express, acceptsCharsets: express, acceptsEncodings: express, range: express, route: express });
}

const TYPES = {
  html: 'text/html; charset=utf-8',
  text: 'text/plain; charset=utf-8',
  txt: 'text/plain; charset=utf-8',
  json: 'application/json; charset=utf-8',
  xml: 'application/xml',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  png: 'image/png',
  jpg: 'image/jpeg',
  svg: 'image/svg+xml',
  bin: 'application/octet-stream',
};

/** A `Set-Cookie` header. */
function cookie(name, value, { path = '/', domain, expires, maxAge, httpOnly, secure, sameSite } = {}) {
  const text = typeof value === 'object' ? `j:${JSON.stringify(value)}` : String(value);
  const parts = [`${name}=${encodeURIComponent(text)}`];
  if (maxAge !== undefined) parts.push(`Max-Age=${Math.floor(maxAge / 1000)}`);
  if (domain !== undefined) parts.push(`Domain=${domain}`);
  parts.push(`Path=${path}`);
  if (expires !== undefined) parts.push(`Expires=${expires.toUTCString()}`);
  if (httpOnly) parts.push('HttpOnly');
  if (secure) parts.push('Secure');
  if (sameSite) parts.push(`SameSite=${sameSite === true ? 'Strict' : sameSite[0].toUpperCase() + sameSite.slice(1)}`);
  return parts.join('; ');
}

module.exports = { bodyOf, cookie, helpRequest, helpResponse, likeExpress };
