'use strict';
// OpenWhisk and DigitalOcean Functions: `main(args)`, whose arguments are the query and the body, as a web action gets them.

const fs = require('node:fs');
const Module = require('node:module');

const { missing } = require('./shared-missing.cjs');
const { isForm, isFromHttp, isJson, isText, queryOf, requestOf, timeLeft } = require('./shared-request.cjs');
const { BadRequest } = require('../../node/body.cjs');
const { CannotLoad, pick } = require('../../node/load.cjs');

/** An action of one file need not export anything: `function main(args) {}` is enough. */
async function loadFile(place) {
  const exported = await place.loadFile(place.file);
  if (typeof pick(exported, place.wanted) === 'function' || !/\.c?js$/.test(place.file) || !/^[A-Za-z_$][\w$]*$/.test(place.wanted)) return exported;
  const module = new Module(place.file, null);
  module.filename = place.file;
  module.paths = Module._nodeModulePaths(require('node:path').dirname(place.file));
  module._compile(`${fs.readFileSync(place.file, 'utf8')}\n;if (typeof ${place.wanted} === 'function') module.exports = { ${place.wanted} };`, place.file);
  return module.exports;
}

function adapt({ exported, wanted, shown }) {
  const main = pick(exported, wanted) ?? pick(exported, 'main');
  if (typeof main !== 'function') throw new CannotLoad(`${shown} has no function "${wanted}"`);
  const isRaw = process.env.OPENWHISK_RAW_HTTP === 'true';
  return async (event, context) => {
    const isHttp = isFromHttp(event);
    const args = isHttp ? argumentsOf(requestOf(event), isRaw) : dataOf(event);
    const result = await main(args, contextOf(context));
    return isHttp ? answerOf(result) : result;
  };
}

function dataOf(event) {
  const { data } = event ?? {};
  return typeof data === 'object' && data !== null && !Array.isArray(data) ? data : { value: data };
}

function argumentsOf(request, isRaw) {
  const { method, headers, path } = request;
  const type = headers['content-type'];
  const text = isText(request);
  const body = request.body.toString(text ? 'utf8' : 'base64');
  const http = { method: method.toUpperCase(), headers, path, queryString: request.query, body, isBase64Encoded: !text };
  const own = { __ow_method: method.toLowerCase(), __ow_headers: headers, __ow_path: path === '/' ? '' : path };
  if (isRaw) return { ...own, __ow_query: request.query, __ow_body: body, __ow_isBase64Encoded: !text, http };
  return { ...queryOf(request.query), ...bodyArguments(request, type, body, text), ...own, http };
}

/** The members of an object or of a form; any other body as `__ow_body`. */
function bodyArguments(request, type, body, text) {
  if (request.body.length === 0) return {};
  if (isForm(type)) return queryOf(body);
  if (isJson(type)) {
    let value;
    try {
      value = JSON.parse(body);
    } catch {
      throw new BadRequest('the body is not valid JSON');
    }
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  }
  return { __ow_body: body, __ow_isBase64Encoded: !text };
}

function contextOf(context) {
  const own = {
    activationId: context.runId,
    functionName: process.env.EVENTFLOW_FUNCTION,
    functionVersion: process.env.EVENTFLOW_VERSION,
    namespace: process.env.EVENTFLOW_NAMESPACE,
    requestId: context.runId,
    deadline: context.deadline === undefined ? undefined : Date.parse(context.deadline),
    getRemainingTimeInMillis: () => timeLeft(context),
  };
  return missing(own, 'context.', { apiHost: 'there is no API of OpenWhisk', apiKey: 'there is no API of OpenWhisk' });
}

function answerOf(result) {
  if (typeof result !== 'object' || result === null || Array.isArray(result)) return result;
  const { error } = result;
  if (error !== undefined && result.body === undefined && result.statusCode === undefined) {
    const isAnswer = typeof error === 'object' && error !== null && (error.statusCode !== undefined || error.body !== undefined);
    return isAnswer ? whole(error, 500) : { statusCode: 500, body: { error: error instanceof Error ? error.message : error } };
  }
  return result.body !== undefined || result.statusCode !== undefined || result.headers !== undefined ? whole(result, 200) : result;
}

function whole({ statusCode, headers, body }, usual) {
  const type = Object.entries(headers ?? {}).find(([name]) => name.toLowerCase() === 'content-type')?.[1];
  const status = Number(statusCode ?? (body === undefined || body === '' ? (Object.keys(headers ?? {}).some((name) => name.toLowerCase() === 'location') ? 302 : 204) : usual));
  const isBytes = typeof body === 'string' && /^(image|audio|video|font)\/|^application\/(octet-stream|pdf|zip|gzip)/i.test(String(type)) && !/svg/i.test(String(type));
  const typed = typeof body === 'string' && type === undefined && body !== '' ? { 'content-type': 'text/html; charset=utf-8', ...headers } : headers;
  return { statusCode: status, headers: typed, body, isBase64Encoded: isBytes };
}

module.exports = { adapt, loadFile };
