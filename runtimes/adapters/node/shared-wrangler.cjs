'use strict';
// What wrangler.toml or wrangler.json(c) declares: variables, and bindings to services of Cloudflare.

const fs = require('node:fs');

const MAX_BYTES = 1024 * 1024;
const KINDS = {
  kv_namespaces: 'a KV namespace',
  d1_databases: 'a D1 database',
  r2_buckets: 'an R2 bucket',
  durable_objects: 'a Durable Object',
  queues: 'a queue',
  services: 'a service binding',
  analytics_engine_datasets: 'a data set of the Analytics Engine',
  vectorize: 'a Vectorize index',
  hyperdrive: 'a Hyperdrive configuration',
  ai: 'Workers AI',
  browser: 'Browser Rendering',
  send_email: 'Email Routing',
};

/** `{ variables, bindings }`: a variable's value, a binding's kind in words. */
function bindingsOf() {
  for (const [name, read] of [['wrangler.toml', fromToml], ['wrangler.json', fromJson], ['wrangler.jsonc', fromJson]]) {
    const stat = fs.statSync(name, { throwIfNoEntry: false });
    if (stat?.isFile() && stat.size <= MAX_BYTES) return read(fs.readFileSync(name, 'utf8'));
  }
  return { variables: {}, bindings: {} };
}

/** As much of TOML as is needed: tables, and text in one line. */
function fromToml(text) {
  const found = { variables: {}, bindings: {} };
  let table = '';
  for (const line of text.split(/\r?\n/)) {
    const header = /^\s*\[{1,2}\s*([\w.]+)\s*\]{1,2}/.exec(line);
    if (header !== null) {
      table = header[1];
      continue;
    }
    const pair = /^\s*([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([\w.+-]+))/.exec(line);
    if (table === 'vars' && pair !== null) found.variables[pair[1]] = pair[2] ?? pair[3] ?? pair[4];
    const [, inline] = /^\s*(\w+)\s*=\s*\[?\s*\{/.exec(line) ?? [];
    const kind = KINDS[table.split('.')[0]] ?? KINDS[inline];
    if (kind === undefined) continue;
    for (const [, name] of line.matchAll(/\b(?:binding|name)\s*=\s*["'](\w+)["']/g)) found.bindings[name] = kind;
  }
  return found;
}

function fromJson(text) {
  const found = { variables: {}, bindings: {} };
  let file;
  try {
    file = JSON.parse(withoutComments(text));
  } catch {
    return found;
  }
  for (const [name, value] of Object.entries(file?.vars ?? {})) found.variables[name] = value;
  for (const [table, kind] of Object.entries(KINDS)) {
    const said = file?.[table];
    const all = [said, said?.bindings, said?.producers].flat().filter((one) => typeof one === 'object' && one !== null);
    for (const { binding, name } of all) {
      if (typeof (binding ?? name) === 'string') found.bindings[binding ?? name] = kind;
    }
  }
  return found;
}

/** JSON with comments and commas at ends, as JSON. */
function withoutComments(text) {
  return text.replace(/("(?:[^"\\]|\\.)*")|\/\/[^\n]*|\/\*[\s\S]*?\*\//g, '$1').replace(/("(?:[^"\\]|\\.)*")|,(?=\s*[}\]])/g, '$1');
}

module.exports = { bindingsOf };
