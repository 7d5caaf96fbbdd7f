'use strict';
// Knative functions (`func`): `handle(context, body)` for HTTP, `handle(context, event)` for CloudEvents.

const { isForm, isFromHttp, isJson, queryOf, requestOf } = require('./shared-request.cjs');
const { CannotLoad, pick } = require('../../node/load.cjs');

const log = Object.fromEntries(
  ['trace', 'debug', 'info', 'warn', 'error', 'fatal'].map((level) => [level, (...all) => (['warn', 'error', 'fatal'].includes(level) ? console.error : console.log)(...all)]),
);
log.child = () => log;

async function adapt({ exported, wanted, shown }) {
  const handle = [pick(exported, wanted), pick(exported, 'handle'), pick(exported, 'default'), pick(exported, 'default')?.handle].find((one) => typeof one === 'function');
  if (handle === undefined) throw new CannotLoad(`${shown} exports no function "handle"`);
  const module = pick(exported, 'default') ?? exported;
  if (typeof module.init === 'function') await module.init();
  if (typeof module.shutdown === 'function') process.once('SIGTERM', () => module.shutdown());
  return async (event) => {
    const request = requestOf(event);
    const isCloudEvent = !isFromHttp(event);
    const context = contextOf(request);
    if (isCloudEvent) context.cloudevent = event;
    const result = await handle(context, isCloudEvent ? event : context.body);
    return answerOf(result);
  };
}

function contextOf(request) {
  const query = queryOf(request.query);
  return {
    ...query,
    // What callers put into the query is none.
    cloudevent: undefined,
    method: request.method,
    headers: request.headers,
    query,
    body: bodyOf(request),
    rawBody: request.body.toString('utf8'),
    contentType: request.headers['content-type'],
    httpVersion: '1.1',
    httpVersionMajor: 1,
    httpVersionMinor: 1,
    log,
    cloudEventResponse: (data) => new EventResponse(data),
  };
}

function bodyOf(request) {
  const type = request.headers['content-type'];
  const text = request.body.toString('utf8');
  if (request.body.length === 0) return undefined;
  if (isForm(type)) return queryOf(text);
  if (!isJson(type)) return type === undefined || /^\s*text\//i.test(type) ? text : request.body;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** `context.cloudEventResponse(data).id(…).type(…).source(…).response()` */
class EventResponse {
  #event;

  constructor(data) {
    this.#event = { specversion: '1.0', data };
    for (const name of ['id', 'type', 'source']) this[name] = (value) => this.#with(name, value);
    this.version = (value) => this.#with('specversion', value);
  }

  #with(name, value) {
    this.#event[name] = value;
    return this;
  }

  response() {
    return this.#event;
  }
}

function answerOf(result) {
  if (result === undefined || result === null || result === '') return { statusCode: 204, body: '' };
  if (typeof result !== 'object') return { statusCode: 200, body: result };
  if (typeof result.specversion === 'string' && typeof result.type === 'string') return asMessage(result);
  const { statusCode, headers, body } = result;
  if (body === undefined && statusCode === undefined && typeof headers !== 'object') return result;
  return { statusCode: statusCode ?? 200, headers: typeof headers === 'object' ? headers : {}, body: body === undefined && statusCode === undefined ? result : body };
}

/** A CloudEvent as an answer: in the binary form of its HTTP binding. */
function asMessage(event) {
  const { headers, body } = requestOf(typeof event.toJSON === 'function' ? event.toJSON() : event);
  const { host, 'content-length': length, ...kept } = headers;
  return { statusCode: 200, headers: kept, body };
}

module.exports = { adapt };
