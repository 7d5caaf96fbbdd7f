'use strict';
// What template.yaml (SAM) and serverless.yml say of a function: its routes, and which of API Gateway's payloads it gets.

const fs = require('node:fs');
const path = require('node:path');

const { readYaml } = require('./shared-yaml.cjs');

const SERVERLESS = ['serverless.yml', 'serverless.yaml'];
const TEMPLATES = ['template.yaml', 'template.yml', 'sam.yaml', 'sam.yml'];
const MAX_BYTES = 1024 * 1024;

/** `{ version, routes: [{ method, path }] }` of the function with this handler; `version` is undefined when nothing says it. */
function eventsOf(handler) {
  const found = [...fromFiles(SERVERLESS, serverlessFunctions), ...fromFiles(TEMPLATES, templateFunctions)];
  // The same file may be named from the folder that the template names.
  const own = found.filter((one) => sameHandler(one.handler, handler));
  const events = (own.length > 0 ? own : found.length === 1 ? found : []).flatMap((one) => one.events);
  const versions = new Set((events.length > 0 ? events : found.flatMap((one) => one.events)).map((event) => event.version));
  return { version: versions.size === 1 ? [...versions][0] : undefined, routes: events.filter((event) => event.path !== undefined) };
}

function sameHandler(declared, handler) {
  const normal = (text) => path.posix.normalize(text).replace(/^\.\//, '');
  return declared !== undefined && (normal(declared) === handler || normal(handler).endsWith(`/${normal(declared)}`));
}

function fromFiles(names, read) {
  for (const name of names) {
    const stat = fs.statSync(name, { throwIfNoEntry: false });
    if (stat?.isFile() && stat.size <= MAX_BYTES) return read(readYaml(fs.readFileSync(name, 'utf8')));
  }
  return [];
}

function serverlessFunctions(file) {
  return Object.values(tableOf(file.functions)).map((one) => ({ handler: textOf(one?.handler), events: listOf(one?.events).flatMap(serverlessEvent) }));
}

/** `http: GET users/{id}`, or `http:` with `method` and `path`; `httpApi` likewise, which may also be `*`. */
function serverlessEvent(event) {
  for (const [kind, version] of [['http', '1.0'], ['httpApi', '2.0']]) {
    const said = event?.[kind];
    if (said === undefined) continue;
    if (typeof said === 'string') {
      const [method, at] = said.trim().split(/\s+/);
      return at === undefined ? [{ version }] : [route(version, method, at)];
    }
    return [route(version, textOf(said?.method), textOf(said?.path))];
  }
  return [];
}

function templateFunctions(file) {
  const resources = Object.values(tableOf(file.Resources)).filter((one) => one?.Type === 'AWS::Serverless::Function');
  return resources.map(({ Properties: properties }) => {
    const handler = textOf(properties?.Handler);
    const code = textOf(properties?.CodeUri);
    const events = Object.values(tableOf(properties?.Events)).flatMap(templateEvent);
    if (properties?.FunctionUrlConfig !== undefined && events.length === 0) events.push({ version: '2.0' });
    return { handler: handler === undefined || code === undefined ? handler : path.posix.join(code, handler), events };
  });
}

function templateEvent(event) {
  const version = { Api: '1.0', HttpApi: '2.0' }[event?.Type];
  if (version === undefined) return [];
  const { Method: method, Path: at } = event.Properties ?? {};
  return [route(version, textOf(method), textOf(at))];
}

function route(version, method, at) {
  if (at === undefined || at === '*' || at === '$default') return { version };
  return { version, method: (method ?? '*').toUpperCase().replace(/^ANY$/, '*'), path: at.startsWith('/') ? at : `/${at}` };
}

function tableOf(value) {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
}

function listOf(value) {
  return Array.isArray(value) ? value : [];
}

function textOf(value) {
  return typeof value === 'string' ? value : undefined;
}

module.exports = { eventsOf };
