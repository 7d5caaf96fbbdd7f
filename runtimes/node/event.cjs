'use strict';
// A request, or the JSON that a job gets, as the event that a handler gets.

const { BadRequest, charsetOf, decompress, isCompressed, parseEvent, setBytes, setData } = require('./body.cjs');

// Nothing but these two is white space to the platform: what it did not take for an event must not become one here.
const EVENT_TYPE = /^[ \t]*application\/cloudevents\+json[ \t]*(;|$)/i;
/** What the platform sends of what came over HTTP; nobody else can send events of these types. */
const FROM_HTTP = ['http.invoke', 'webhook.received'];
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;
/** Where `http` has the query as it was sent, for adapters: what was parsed does not give it back. */
const RAW_QUERY = Symbol('raw query');

/** Calls `done(error, event)`: at once, unless the body has to be decompressed. */
function eventOf(request, body, context, source, done) {
  const headers = request.headers;
  const type = headers['content-type'];
  if (type !== undefined && EVENT_TYPE.test(type)) {
    // What a caller sends as an event has been looked at as it came: it is not compressed.
    const event = parseEvent(body ?? Buffer.alloc(0));
    if (event === null || typeof event !== 'object' || Array.isArray(event)) throw new BadRequest('the CloudEvent is not an object');
    completeEvent(event, () => body.toString('utf8'), done);
    return;
  }
  const isEvent = headers['ce-specversion'] !== undefined;
  const event = isEvent ? binaryEvent(headers, type) : httpEvent(request, type, body, context.runId, source);
  putData(event, type, headers['content-encoding'], body, done);
}

/** Puts the body into the event: decompressed where that is possible, else as it is. */
function putData(event, type, coding, body, done) {
  if (body === undefined || !isCompressed(coding)) {
    setData(event, type, body);
    done(null, event);
    return;
  }
  decompress(body, coding, (error, bytes) => {
    try {
      if (error) throw error;
      if (bytes === undefined) setBytes(event, body);
      else setData(event, type, bytes);
    } catch (wrong) {
      done(wrong);
      return;
    }
    done(null, event);
  });
}

function binaryEvent(headers, type) {
  const event = {};
  for (const name in headers) {
    if (name.startsWith('ce-')) event[name.slice(3)] = percentDecoded(headers[name]);
  }
  if (type !== undefined) event.datacontenttype = type;
  return event;
}

function percentDecoded(value) {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

function httpEvent(request, type, body, run, source) {
  const url = request.url;
  const mark = url.indexOf('?');
  const headers = {};
  const given = request.headers;
  for (const name in given) {
    // Comparing the first letter first keeps this loop cheap.
    if (name.charCodeAt(0) === 120 && name.startsWith('x-eventflow-')) continue;
    headers[name] = given[name];
  }
  const http = {
    method: request.method,
    path: mark === -1 ? url : url.slice(0, mark),
    query: mark === -1 ? {} : queryOf(url.slice(mark + 1)),
    headers,
  };
  if (mark !== -1) Object.defineProperty(http, RAW_QUERY, { value: url.slice(mark + 1), enumerable: false });
  setRawBody(http, () => body ?? Buffer.alloc(0));
  return { specversion: '1.0', id: run, source, type: 'http.invoke', time: new Date().toISOString(), datacontenttype: type, data: undefined, http };
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

/**
 * `http.rawBody`: the bytes as they were sent. It is no part of the event's JSON form: who writes the event down, or
 * answers with it, does not repeat the body.
 */
function setRawBody(http, bytes) {
  let kept;
  Object.defineProperty(http, 'rawBody', { get: () => (kept ??= bytes()), enumerable: false, configurable: true });
}

/**
 * An event in the JSON form in which the platform delivers what came over HTTP: gives it its `rawBody`, and its data as
 * a call of a service has it. `text` is the event's JSON. Calls `done(error, event)`.
 */
function completeEvent(event, text, done) {
  const http = event.http;
  const sent = http?.rawBody;
  const isWhole = sent === undefined || (typeof sent === 'string' && BASE64.test(sent));
  if (!FROM_HTTP.includes(event.type) || http === null || typeof http !== 'object' || Array.isArray(http) || !isWhole) {
    done(null, event);
    return;
  }
  const type = typeof event.datacontenttype === 'string' ? event.datacontenttype : undefined;
  setRawBody(http, () => (sent !== undefined ? Buffer.from(sent, 'base64') : bytesOfData(event, type, text, encoded)));
  const encoded = event.data_base64;
  const coding = http.headers?.['content-encoding'];
  // The platform knows UTF-8 alone: it keeps anything else as bytes, or has taken it for UTF-8. By charset and coding it may
  // be other text or JSON.
  const isBytes = typeof encoded === 'string' && event.data === undefined;
  if (!isBytes && (event.data === undefined || charsetOf(Buffer.alloc(0), type) === 'utf-8')) {
    done(null, event);
    return;
  }
  const bytes = http.rawBody;
  try {
    const data = {};
    putData(data, type, typeof coding === 'string' ? coding : undefined, bytes, (error, put) => {
      if (error === null && put.data !== undefined) {
        delete event.data_base64;
        event.data = put.data;
      }
      done(null, event);
    });
  } catch {
    done(null, event);
  }
}

/** The body that the data was made of, where the event does not carry it in `rawBody`. */
function bytesOfData(event, type, text, encoded) {
  if (typeof encoded === 'string') return Buffer.from(encoded, 'base64');
  if (typeof event.data === 'string' && type !== undefined && !type.includes('json')) return Buffer.from(event.data);
  return Buffer.from(memberText(text(), 'data') ?? '');
}

/** The text of a member's value, as it stands in the JSON text of an object. */
function memberText(json, name) {
  const skipSpace = (at) => {
    while (json.charCodeAt(at) <= 32 || json[at] === '\ufeff') at += 1;
    return at;
  };
  const skipString = (at) => {
    for (let end = json.indexOf('"', at + 1); ; end = json.indexOf('"', end + 1)) {
      let slashes = 0;
      while (json[end - 1 - slashes] === '\\') slashes += 1;
      if (slashes % 2 === 0) return end + 1;
    }
  };
  const skipValue = (at) => {
    let depth = 0;
    for (;;) {
      const char = json[at];
      if (char === '"') at = skipString(at);
      else if (char === '{' || char === '[') (depth += 1), (at += 1);
      else if (depth === 0 && (char === ',' || char === '}' || json.charCodeAt(at) <= 32)) return at;
      else if (char === '}' || char === ']') (depth -= 1), (at += 1);
      else at += 1;
      if (depth === 0 && (char === '"' || char === '}' || char === ']')) return at;
    }
  };
  let found;
  // The text has been parsed: it is an object.
  let at = skipSpace(skipSpace(0) + 1);
  while (json[at] === '"') {
    const end = skipString(at);
    const begin = skipSpace(skipSpace(end) + 1);
    const stop = skipValue(begin);
    // Of a name that comes twice the last one counts, as it does when it is parsed.
    if (JSON.parse(json.slice(at, end)) === name) found = json.slice(begin, stop);
    at = skipSpace(skipSpace(stop) + 1);
  }
  return found;
}

module.exports = { RAW_QUERY, eventOf, completeEvent, memberText };
