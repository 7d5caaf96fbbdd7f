'use strict';
// Appwrite: `export default async ({ req, res, log, error }) => res.json(…)`.

const { formatWithOptions } = require('node:util');

const { missing } = require('./shared-missing.cjs');
const { originOf, queryOf, requestOf } = require('./shared-request.cjs');
const { BadRequest } = require('../../node/body.cjs');
const { CannotLoad, pick } = require('../../node/load.cjs');

const SERVICE = 'it is a service of Appwrite: set it in "env" or as a secret when there is one to call';

/** What functions make their client of. Nothing has this address: what calls it fails by that name. */
function prepare() {
  if (process.env.APPWRITE_FUNCTION_API_ENDPOINT === undefined) {
    process.env.APPWRITE_FUNCTION_API_ENDPOINT = 'http://appwrite.invalid/v1';
    process.stderr.write('APPWRITE_FUNCTION_API_ENDPOINT is not set: the function runs, and what it asks of Appwrite fails\n');
  }
  process.env.APPWRITE_FUNCTION_PROJECT_ID ??= process.env.EVENTFLOW_NAMESPACE ?? 'default';
}

function adapt({ exported, wanted, shown }) {
  const handler = [pick(exported, wanted), pick(exported, 'default')].find((one) => typeof one === 'function');
  if (handler === undefined) throw new CannotLoad(`${shown} exports no function by default`);
  return async (event) => {
    const result = await handler({ req: requestFor(requestOf(event)), res: answers(), log: written(process.stdout), error: written(process.stderr) });
    if (result === undefined || result === null) throw new Error(`${shown} returned nothing: end with \`return res.empty()\` when there is nothing to answer`);
    const { body, statusCode = 200, headers = {} } = result;
    return { statusCode, headers: withCharset(headers), body: body ?? '' };
  };
}

function requestFor(request) {
  const { scheme, host, origin } = originOf(request);
  const [, name, port] = /^(.*?)(?::(\d+))?$/.exec(host);
  const isJson = (request.headers['content-type'] ?? 'text/plain').toLowerCase().startsWith('application/json');
  const made = {
    headers: request.headers,
    method: request.method,
    scheme,
    host: name,
    port: Number(port ?? (scheme === 'https' ? 443 : 80)),
    path: request.path,
    query: queryOf(request.query),
    queryString: request.query,
    url: `${origin}${request.url}`,
    get body() {
      if (!isJson) return this.bodyText;
      return request.body.length > 0 ? this.bodyJson : {};
    },
    get bodyText() {
      return request.body.toString('utf8');
    },
    get bodyRaw() {
      return this.bodyText;
    },
    get bodyJson() {
      try {
        return JSON.parse(this.bodyText);
      } catch {
        throw new BadRequest('the body is not valid JSON');
      }
    },
    get bodyBinary() {
      return request.body;
    },
  };
  return missing(made, 'req.', { variables: SERVICE, payload: 'it was removed from Appwrite: use req.body' });
}

function answers() {
  const plain = (body, statusCode = 200, headers = {}) => ({ body, statusCode, headers });
  return {
    send: plain,
    text: (body, statusCode, headers) => plain(String(body), statusCode, headers),
    binary: (bytes, statusCode, headers) => plain(Buffer.from(bytes), statusCode, headers),
    json: (value, statusCode, headers) => plain(JSON.stringify(value), statusCode, { ...headers, 'content-type': 'application/json' }),
    empty: () => plain('', 204),
    redirect: (url, statusCode = 301, headers = {}) => plain('', statusCode, { ...headers, location: url }),
  };
}

function written(stream) {
  return (...all) => void stream.write(`${formatWithOptions({ colors: false }, ...all)}\n`);
}

/** Text is UTF-8, and says so. */
function withCharset(headers) {
  const [name, type] = Object.entries(headers).find(([one]) => one.toLowerCase() === 'content-type') ?? ['content-type', 'text/plain'];
  const isSaid = /charset=/i.test(type) || /^multipart\//i.test(type);
  return { ...headers, [name]: isSaid ? type : `${type}; charset=utf-8` };
}

module.exports = { adapt, prepare };
