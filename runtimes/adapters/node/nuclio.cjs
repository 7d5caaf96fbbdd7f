'use strict';
// Nuclio: `exports.handler = (context, event) => context.callback(result)`.

const { missing } = require('./shared-missing.cjs');
const { callerOf, queryOf, requestOf, isFromHttp } = require('./shared-request.cjs');
const { CannotLoad, pick } = require('../../node/load.cjs');

const LEVELS = { error: console.error, warn: console.error, warning: console.error, info: console.log, debug: console.log };

class Response {
  constructor(body = null, headers = null, contentType = 'text/plain', statusCode = 200) {
    this.body = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
    this.headers = headers;
    this.content_type = this.body === body ? contentType : 'application/json';
    this.status_code = statusCode;
  }
}

/** What all calls share, as they do on a worker of Nuclio: `initContext` puts clients and the like here. */
const shared = {
  logger: Object.fromEntries(
    Object.entries({ error: 'error', warn: 'warn', warning: 'warning', info: 'info', debug: 'debug', errorWith: 'error', warnWith: 'warn', infoWith: 'info', debugWith: 'debug' }).map(
      ([name, level]) => [name, (message, data) => LEVELS[level](data === undefined ? message : `${message} ${JSON.stringify(data)}`)],
    ),
  ),
  userData: {},
  workerId: '0',
  triggerName: 'default-http',
  triggerKind: 'http',
  Response,
};
missing(shared, 'context.', { platform: 'there is no other function of Nuclio to call', dataBinding: 'there are no data bindings of Nuclio' });

async function adapt({ exported, wanted, shown }) {
  const handler = [pick(exported, wanted), pick(exported, 'handler'), pick(exported, 'default')].find((one) => typeof one === 'function');
  if (handler === undefined) throw new CannotLoad(`${shown} exports no function "${wanted}"`);
  const init = pick(exported, 'initContext') ?? pick(exported, 'init_context');
  if (typeof init === 'function') await init(shared);
  return (event, context) =>
    new Promise((resolve, reject) => {
      // Each call has a callback of its own; all else is the worker's.
      const own = Object.create(shared, { callback: { value: (result) => resolve(answerOf(result)) } });
      const returned = handler(own, eventOf(event, context));
      if (typeof returned?.then === 'function') returned.then((result) => result !== undefined && resolve(answerOf(result)), reject);
    });
}

function eventOf(event, context) {
  const request = requestOf(event);
  return {
    id: event?.id ?? context.runId,
    body: request.body,
    content_type: request.headers['content-type'] ?? '',
    contentType: request.headers['content-type'] ?? '',
    headers: request.headers,
    fields: queryOf(request.query),
    method: request.method,
    path: request.path,
    url: request.url,
    size: request.body.length,
    timestamp: new Date(event?.time ?? Date.now()),
    trigger: { kind: isFromHttp(event) ? 'http' : 'eventflow', class: 'sync', name: 'default' },
    type: event?.type ?? '',
    typeVersion: event?.specversion ?? '',
    version: process.env.EVENTFLOW_VERSION ?? '',
    shard_id: -1,
    num_shards: -1,
    remote_address: callerOf(request),
  };
}

function answerOf(result) {
  if (result instanceof Response) return { statusCode: result.status_code, headers: typed(result.headers, result.content_type), body: result.body };
  const isStatus = Array.isArray(result) && result.length === 2 && typeof result[0] === 'number';
  const [statusCode, body] = isStatus ? result : [200, result];
  if (typeof body === 'string' || Buffer.isBuffer(body)) return { statusCode, headers: typed({}, 'text/plain'), body };
  return { statusCode, headers: typed({}, 'application/json'), body: JSON.stringify(body) ?? '' };
}

function typed(headers, type) {
  const has = Object.keys(headers ?? {}).some((name) => name.toLowerCase() === 'content-type');
  return has ? headers : { 'content-type': type, ...headers };
}

module.exports = { adapt };
