'use strict';
// OpenFaaS' templates for Node: `module.exports = async (event, context) => result`, or with a callback as third argument.

const { NotThere } = require('./shared-missing.cjs');
const { isForm, isJson, queryOf, requestOf } = require('./shared-request.cjs');
const { BadRequest } = require('../../node/body.cjs');
const { CannotLoad, pick } = require('../../node/load.cjs');

function adapt({ exported, wanted, shown }) {
  const handler = [pick(exported, wanted), pick(exported, 'default')].find((one) => typeof one === 'function');
  if (handler === undefined) throw new CannotLoad(`${shown} exports no function: OpenFaaS' handler is module.exports itself`);
  return (event) => {
    const request = requestOf(event);
    return new Promise((resolve) => {
      const context = new Context(resolve);
      const given = { body: bodyOf(request), headers: request.headers, method: request.method, query: queryOf(request.query), path: request.path };
      Promise.resolve()
        .then(() => handler(given, context, context.cb))
        .then((result) => {
          // Whoever has the callback answers with it.
          if (!context.isOver && (result !== undefined || handler.length < 3)) context.succeed(result);
        })
        .catch((error) => context.fail(error));
    });
  };
}

function bodyOf(request) {
  const type = request.headers['content-type'];
  if (process.env.RAW_BODY === 'true') return request.body;
  const text = request.body.toString('utf8');
  if (type === undefined || /^\s*text\//i.test(type)) return text;
  if (isForm(type)) return queryOf(text);
  if (!isJson(type)) return request.body;
  try {
    return request.body.length === 0 ? {} : JSON.parse(text);
  } catch {
    throw new BadRequest('the body is not valid JSON');
  }
}

class Context {
  #resolve;

  constructor(resolve) {
    this.#resolve = resolve;
    this.statusCode = 200;
    this.headerValues = {};
    this.isOver = false;
    this.cb = (error, value) => (error ? this.fail(error) : this.succeed(value));
  }

  status(code) {
    if (code === undefined) return this.statusCode;
    this.statusCode = code;
    return this;
  }

  headers(values) {
    if (values === undefined) return this.headerValues;
    this.headerValues = values;
    return this;
  }

  succeed(value) {
    this.#answer(value);
  }

  fail(error) {
    process.stderr.write(`${error?.stack ?? error}\n`);
    if (error instanceof BadRequest) this.statusCode = error.status;
    else if (this.statusCode === 200) this.statusCode = 500;
    this.#answer(error instanceof NotThere || error instanceof Error ? String(error) : error);
  }

  #answer(body) {
    this.isOver = true;
    const isText = typeof body === 'string';
    const headers = isText && !hasType(this.headerValues) ? { 'content-type': 'text/html; charset=utf-8', ...this.headerValues } : this.headerValues;
    this.#resolve({ statusCode: this.statusCode, headers, body });
  }
}

function hasType(headers) {
  return Object.keys(headers).some((name) => name.toLowerCase() === 'content-type');
}

module.exports = { adapt };
