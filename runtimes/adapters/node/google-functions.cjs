'use strict';
// Google's Functions Framework: functions that it has registered (`functions.http`, `functions.cloudEvent`), and exports of
// the form `(req, res)`. Where the framework is among the function's packages it does all of it; else the form alone is served.

const fs = require('node:fs');
const { createRequire } = require('node:module');

const { helpRequest, helpResponse, likeExpress } = require('./shared-express.cjs');
const { requestOf, isFromHttp } = require('./shared-request.cjs');
const { respond } = require('./shared-server.cjs');
const { CannotLoad, pick } = require('../../node/load.cjs');

const FRAMEWORK = '@google-cloud/functions-framework';
const MAX_BYTES = 1024 * 1024;
const SIGNATURES = ['http', 'event', 'cloudevent'];

function adapt({ exported, wanted, file, shown }) {
  const framework = frameworkOf(file);
  const userFunction = pick(exported, wanted);
  if (framework !== undefined) return throughFramework(framework, wanted, userFunction, shown);
  if (typeof userFunction !== 'function') {
    throw new CannotLoad(`${shown} exports no function "${wanted}", and ${FRAMEWORK}, which could have registered it, is not in node_modules: add it to the dependencies in package.json`);
  }
  if (signature() !== 'http') return (event) => (signature() === 'event' ? userFunction(event.data, event) : userFunction(event));
  return (event, context, exchange) => {
    const request = requestOf(event);
    return respond(request, exchange, (req, res) => {
      helpRequest(req, request, {});
      helpResponse(res);
      likeExpress(req, res, request);
      return userFunction(req, res);
    });
  };
}

/** The framework of the function itself: its register is where the function has put itself. */
function frameworkOf(file) {
  const own = createRequire(file);
  try {
    return { main: own(FRAMEWORK), testing: own(`${FRAMEWORK}/testing`) };
  } catch (error) {
    if (error?.code === 'MODULE_NOT_FOUND' && error.message.includes(FRAMEWORK)) return undefined;
    throw error;
  }
}

function throughFramework({ main, testing }, wanted, userFunction, shown) {
  if (testing.getFunction(wanted) === undefined) {
    if (typeof userFunction !== 'function') throw new CannotLoad(`${shown} neither registers nor exports a function "${wanted}"`);
    const kind = signature();
    if (kind === 'event') return (event) => userFunction(event.data, event);
    (kind === 'cloudevent' ? main.cloudEvent : main.http)(wanted, userFunction);
  }
  const server = testing.getTestServer(wanted);
  return (event, context, exchange) => {
    const request = requestOf(event);
    if (!isFromHttp(event)) request.headers['ce-specversion'] ??= '1.0';
    return respond(request, exchange, (req, res) => {
      server.emit('request', req, res);
    });
  };
}

/** What `--signature-type` says where the function is started, or the variable of the framework's. */
function signature() {
  const started = ['package.json', 'Procfile', 'Dockerfile'].map((name) => /--signature-type[= ",]+(\w+)/.exec(textOf(name))?.[1]);
  const said = process.env.FUNCTION_SIGNATURE_TYPE ?? started.find((one) => one !== undefined) ?? 'http';
  return SIGNATURES.includes(said) ? said : 'http';
}

function textOf(name) {
  const stat = fs.statSync(name, { throwIfNoEntry: false });
  return stat?.isFile() && stat.size <= MAX_BYTES ? fs.readFileSync(name, 'utf8') : '';
}

module.exports = { adapt };
