'use strict';
// What a handler returned, as an HTTP answer. README.md has the table of what becomes what.

const { types } = require('node:util');

const { stackOf } = require('./failures.cjs');
const { BadResult, bytesOf, isStream, stringify, typeName, viewed } = require('./json.cjs');

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const NO_HEADER = /[^\t\x20-\x7e\x80-\xff]/;
const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/;
// How the answer is framed is decided here.
const FRAMING = new Set(['content-length', 'transfer-encoding', 'connection', 'keep-alive', 'upgrade', 'trailer']);
const BYTES = 'application/octet-stream';
const TEXT = 'text/plain; charset=utf-8';

/** Answers with what the handler returned. A promise when the body is a stream. */
function answer(response, result) {
  if (response.writableEnded || response.destroyed) return discard(isStream(result) ? result : result?.body);
  const made = answerOf(result);
  return isStream(made.body) ? stream(response, made) : send(response, made);
}

/** `{ status, headers, body, type }`: the body is text, bytes or a stream, `type` what it is unless a header says so. */
function answerOf(result) {
  if (typeof result !== 'object' || result === null) return json(result, 'result');
  if (Number.isInteger(result.statusCode)) return answerWithStatus(result);
  if (isResponse(result)) return answerOfResponse(result);
  if (bytesOf(result) !== undefined || isBlob(result) || (isStream(result) && typeof result.toJSON !== 'function')) {
    return { status: 200, headers: [], ...bodyOf(result, false) };
  }
  return json(result, 'result');
}

function json(value, what) {
  return { status: 200, headers: [], body: stringify(value, what), type: 'application/json' };
}

/** `{ statusCode, headers, multiValueHeaders, cookies, body, isBase64Encoded }`, as AWS has it. */
function answerWithStatus(result) {
  const status = result.statusCode;
  if (status < 200 || status > 599) throw new BadResult(`the handler returned statusCode ${status}, and must return one from 200 to 599`);
  const headers = [];
  for (const [name, value] of entriesOf(result.headers, 'headers')) addHeader(headers, name, value);
  for (const [name, value] of entriesOf(result.multiValueHeaders, 'multiValueHeaders')) {
    // What both say is said once.
    for (const one of Array.isArray(value) ? value : [value]) {
      const before = headers.length;
      addHeader(headers, name, one);
      const added = headers[before];
      if (added && headers.slice(0, before).some(([other, said]) => other === added[0] && said === added[1])) headers.pop();
    }
  }
  const { cookies } = result;
  if (cookies !== undefined && cookies !== null) {
    if (!Array.isArray(cookies)) throw new BadResult(`cookies is of the type ${typeName(cookies)}: it must be a list of strings`);
    for (const cookie of cookies) addHeader(headers, 'set-cookie', cookie);
  }
  return { status, headers, ...bodyOf(result.body, result.isBase64Encoded === true) };
}

function entriesOf(headers, what) {
  if (headers === undefined || headers === null) return [];
  if (typeof headers !== 'object') throw new BadResult(`${what} is of the type ${typeName(headers)}: it must be an object`);
  if (typeof headers.getSetCookie === 'function' || types.isMap(headers)) return [...headers];
  if (!Array.isArray(headers)) return Object.entries(headers);
  throw new BadResult(`${what} is a list: it must be an object`);
}

/** Adds a header, or several of that name; says what is wrong with it, because a caller would get something else. */
function addHeader(headers, name, value) {
  if (value === undefined || value === null) return;
  if (!TOKEN.test(name)) throw new BadResult(`${JSON.stringify(name)} cannot be the name of a header`);
  const lower = name.toLowerCase();
  if (FRAMING.has(lower)) return;
  for (const one of Array.isArray(value) ? value : [value]) {
    if (!['string', 'number', 'boolean', 'bigint'].includes(typeof one)) {
      throw new BadResult(`the header ${JSON.stringify(name)} is of the type ${typeName(one)}: it must be text, or a list of texts`);
    }
    const text = String(one);
    const at = text.search(NO_HEADER);
    if (at !== -1) throw new BadResult(`the header ${JSON.stringify(name)} ${whatIsWrong(text, at)}`);
    headers.push([lower, text]);
  }
}

function whatIsWrong(text, at) {
  const point = text.codePointAt(at);
  const code = `U+${point.toString(16).toUpperCase().padStart(4, '0')}`;
  if (point === 10 || point === 13) return `has a line break in it (${code}, position ${at})`;
  if (point < 256) return `has the control character ${code} in it (position ${at})`;
  return `has the character "${String.fromCodePoint(point)}" (${code}, position ${at}) in it, which is outside of Latin-1: encode it, for example with encodeURIComponent`;
}

function bodyOf(body, isBase64) {
  if (isBase64) return { body: fromBase64(body), type: BYTES };
  if (body === undefined || body === null) return { body: '' };
  if (typeof body === 'string') return { body, type: TEXT };
  if (typeof body === 'object') {
    if (ArrayBuffer.isView(body)) return { body: viewed(body), type: BYTES };
    if (types.isAnyArrayBuffer(body)) return { body: Buffer.from(body), type: BYTES };
    if (isBlob(body)) return { body: body.stream(), type: body.type || BYTES };
    if (body instanceof URLSearchParams) return { body: body.toString(), type: 'application/x-www-form-urlencoded;charset=UTF-8' };
    const isListOrTable = Array.isArray(body) || types.isSet(body) || types.isMap(body) || typeof body.toJSON === 'function';
    if (!isListOrTable && (isStream(body) || typeof body[Symbol.iterator] === 'function')) return { body: partsOf(body) };
  }
  return { body: stringify(body, 'body'), type: 'application/json' };
}

/** Anything that can be iterated, as something that is one after the other. */
function partsOf(body) {
  return isStream(body) ? body : body[Symbol.iterator]();
}

function fromBase64(body) {
  const text = typeof body === 'object' && bytesOf(body) !== undefined ? bytesOf(body).toString('latin1') : body;
  if (typeof text !== 'string') throw new BadResult(`isBase64Encoded is true and the body is of the type ${typeName(body)}: it must be a string`);
  const packed = text.replace(/[\r\n]+/g, '');
  if (!BASE64.test(packed) || packed.replace(/=+$/, '').length % 4 === 1) throw new BadResult('isBase64Encoded is true and the body is not valid base64');
  return Buffer.from(packed, 'base64');
}

function isResponse(value) {
  return Object.prototype.toString.call(value) === '[object Response]' && typeof value.headers?.forEach === 'function' && Number.isInteger(value.status);
}

function isBlob(value) {
  return ['[object Blob]', '[object File]'].includes(Object.prototype.toString.call(value)) && typeof value.stream === 'function';
}

/** The answer that a `Response` of the fetch API stands for. */
function answerOfResponse(result) {
  const { status } = result;
  if (status < 200 || status > 599) throw new BadResult(`the handler returned a Response with the status ${status}: it must be one from 200 to 599`);
  if (result.bodyUsed) throw new BadResult('the handler returned a Response whose body was read before');
  // The body of what was fetched is decompressed already.
  const isFetched = typeof result.url === 'string' && result.url !== '';
  const headers = [];
  for (const [name, value] of result.headers) {
    if (!(isFetched && name === 'content-encoding')) addHeader(headers, name, value);
  }
  return { status, headers, body: result.body ?? '' };
}

function send(response, { status, headers, body, type }) {
  const all = withType(headers, type);
  // An answer of these has no body, and no length either.
  if (status !== 204 && status !== 304) all.push(['content-length', String(Buffer.byteLength(body))]);
  response.writeHead(status, all.flat());
  response.end(body);
  return undefined;
}

function withType(headers, type) {
  return type === undefined || hasType(headers) ? headers : [...headers, ['content-type', type]];
}

function hasType(headers) {
  return headers.some(([name]) => name === 'content-type');
}

/** Writes each part as it comes, no faster than the caller takes them; stops when the caller is gone. */
async function stream(response, { status, headers, body, type }) {
  const parts = partsIn(body);
  // What waits for something that does not come is ended as soon as nobody waits for it.
  response.on('close', () => {
    if (!response.writableFinished) close(parts);
  });
  // What has no type is what its first part is: it is waited for. An error before it is still an answer.
  const known = type !== undefined || hasType(headers);
  let next = known ? undefined : await parts.next();
  if (response.headersSent || response.writableEnded || response.destroyed) return close(parts);
  response.writeHead(status, withType(headers, known ? type : typeOf(next)).flat());
  if (!hasBody(response)) {
    response.end();
    return close(parts);
  }
  response.flushHeaders();
  for (;;) {
    next ??= await parts.next();
    if (response.destroyed || response.writableEnded) return close(parts);
    if (next.done) break;
    let bytes;
    try {
      bytes = bytesOfPart(await next.value);
    } catch (error) {
      await close(parts);
      throw error;
    }
    if (bytes.length !== 0 && !response.write(bytes)) await writable(response);
    next = undefined;
  }
  response.end();
  return undefined;
}

function hasBody(response) {
  return response.req.method !== 'HEAD' && response.statusCode !== 204 && response.statusCode !== 304;
}

function typeOf(first) {
  if (first.done || bytesOf(first.value) !== undefined) return BYTES;
  return typeof first.value === 'string' ? TEXT : 'application/x-ndjson';
}

/** Text and bytes as they are; anything else is a line of JSON. */
function bytesOfPart(part) {
  if (typeof part === 'string') return part;
  return bytesOf(part) ?? `${stringify(part, 'part')}\n`;
}

async function close(parts) {
  try {
    await parts.return?.();
  } catch (error) {
    // What goes wrong now is nobody's answer any more.
    process.stderr.write(`${stackOf(error)}\n`);
  }
}

/** Ends what would have been sent. */
function discard(body) {
  return isStream(body) ? close(partsIn(body)) : undefined;
}

/** The parts of a stream, one after the other: `next`, and `return` to end it at once where that is possible. */
function partsIn(body) {
  if (typeof body.getReader === 'function') {
    const reader = body.getReader();
    return { next: () => reader.read(), return: () => reader.cancel() };
  }
  const parts = (body[Symbol.asyncIterator] ?? body[Symbol.iterator]).call(body);
  if (typeof body.pipe !== 'function' || typeof body.destroy !== 'function') return parts;
  // It was destroyed here, because nobody waits for the rest.
  const ended = (error) => {
    if (error?.code !== 'ERR_STREAM_PREMATURE_CLOSE' || body.errored !== null) throw error;
    return { done: true };
  };
  return { next: () => parts.next().catch(ended), return: () => body.destroy() };
}

function writable(response) {
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    if (response.destroyed) {
      resolve();
      return;
    }
    response.on('drain', done);
    response.on('close', done);
  });
}

function sendJson(response, status, text) {
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) });
  response.end(text);
}

/** Answers with an error; breaks off an answer that has begun. */
function sendError(response, status, code, message) {
  if (response.writableEnded || response.destroyed) return;
  if (response.headersSent) {
    response.destroy();
    return;
  }
  sendJson(response, status, JSON.stringify({ error: { code, message } }));
}

module.exports = { answer, sendError };
