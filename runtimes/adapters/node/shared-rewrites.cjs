'use strict';
// Redirects and rewrites that lie beside functions: vercel.json, netlify.toml and `_redirects`. What has conditions, or leads to another
// host without being a redirect, is left out, and said.

const fs = require('node:fs');

const { matcherOf } = require('./shared-routes.cjs');

const MAX_BYTES = 1024 * 1024;
const MAX_RULES = 1000;
const STATUS = /^(\d{3})(!?)$/;

/** `{ from, to, status }` of vercel.json: `status` is 200 for a rewrite. */
function vercelRules() {
  let said;
  try {
    said = JSON.parse(textOf('vercel.json') ?? '{}');
  } catch (error) {
    console.error(`vercel.json is not JSON, and is left out: ${error.message}`);
    return { redirects: [], rewrites: [] };
  }
  const list = (name) => (Array.isArray(said?.[name]) ? said[name] : []).filter((one) => typeof one?.source === 'string' && typeof one.destination === 'string');
  const made = (name, statusOf) =>
    compiled(
      list(name).map((one) => ({
        from: vercelPath(one.source),
        shown: `${name} of vercel.json, ${one.source}`,
        to: one.destination,
        status: statusOf(one),
        conditions: ['has', 'missing'].filter((key) => one[key] !== undefined),
      })),
    );
  return { redirects: made('redirects', (one) => one.statusCode ?? (one.permanent === false ? 307 : 308)), rewrites: made('rewrites', () => 200) };
}

/** `/blog/(.*)` and `/:path(.*)` as routes are written here; `undefined` for other patterns. */
function vercelPath(source) {
  let count = 0;
  const path = source.replace(/(:[A-Za-z_]\w*)?\(\.\*\)/g, (_, name) => `{*${name === undefined ? String(++count) : name.slice(1)}}`);
  return /[()]/.test(path) ? undefined : path;
}

/** The same of netlify.toml's `[[redirects]]` and of `_redirects`; the first that fits counts. */
function netlifyRules() {
  const rules = [];
  for (const line of (textOf('_redirects') ?? '').split(/\r?\n/)) {
    const words = line.replace(/(^|\s)#.*$/, '').trim().split(/\s+/);
    if (words.length < 2) continue;
    const at = words.findIndex((word, index) => index > 0 && (word.startsWith('/') || word.includes('://')));
    const status = STATUS.exec(words[at + 1] ?? '');
    const conditions = [...words.slice(1, at), ...words.slice(at + (status === null ? 1 : 2))];
    if (at > 0) rules.push({ from: words[0], to: words[at], status: Number(status?.[1] ?? 301), conditions, shown: `_redirects, ${words[0]}` });
  }
  let rule, below;
  for (const line of (textOf('netlify.toml') ?? '').split(/\r?\n/)) {
    const header = /^\s*\[{1,2}\s*([\w.]+)\s*\]{1,2}/.exec(line);
    if (header !== null) {
      // A table below a redirect (`[redirects.headers]`) belongs to it.
      below = header[1].startsWith('redirects.') ? header[1].split('.')[1] : undefined;
      if (header[1] === 'redirects') rules.push((rule = { status: 301, conditions: [] }));
      else if (below === undefined) rule = undefined;
      else if (['conditions', 'query'].includes(below)) rule?.conditions.push(below);
      continue;
    }
    if (below !== undefined) continue;
    const pair = /^\s*([\w-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|(.+?))\s*(#.*)?$/.exec(line);
    if (rule === undefined || pair === null) continue;
    const value = pair[2] ?? pair[3] ?? pair[4];
    if (pair[1] === 'from' || pair[1] === 'to') rule[pair[1]] = value;
    else if (pair[1] === 'status') rule.status = Number(value);
    else if (pair[1] === 'conditions' || pair[1] === 'query') rule.conditions.push(pair[1]);
  }
  return compiled(rules.filter((one) => one.from !== undefined && one.to !== undefined).map((one) => ({ shown: `redirects of netlify.toml, ${one.from}`, ...one })));
}

function textOf(name) {
  const stat = fs.statSync(name, { throwIfNoEntry: false });
  return stat?.isFile() && stat.size <= MAX_BYTES ? fs.readFileSync(name, 'utf8') : undefined;
}

function compiled(rules) {
  const kept = [];
  for (const { from, to, status, conditions, shown } of rules.slice(0, MAX_RULES)) {
    const isElsewhere = to.includes('://') && (status < 300 || status > 399);
    const why = from === undefined ? 'its pattern is not understood' : conditions.length > 0 ? 'its conditions are not looked at' : isElsewhere ? 'it leads to another host' : undefined;
    if (why !== undefined) console.error(`left out: ${shown}: ${why}`);
    else kept.push({ status, to, match: matcherOf([{ path: from.replace(/\/\*$/, '/{*splat}') }]) });
  }
  return kept;
}

/** Where the first rule that fits leads: `{ status, path, query, params }`. */
function applied(rules, path) {
  for (const { status, to, match } of rules) {
    const found = match('GET', path);
    if (found === undefined) continue;
    const unused = { ...found.params };
    const target = to.replace(/:([A-Za-z_]\w*)\*?|\$(\d+)/g, (text, name, number) => {
      const key = name ?? number;
      // `https://…:8080` has no name; what is optional and was not there is nothing.
      delete unused[key];
      return (found.params[key] ?? '').split('/').map(encodeURIComponent).join('/');
    });
    const [before, query = ''] = target.split('?');
    return { status, path: before, query, params: { ...unused, ...Object.fromEntries(new URLSearchParams(query)) } };
  }
  return undefined;
}

/** The answer of a redirect; the caller's query goes along unless the rule has one. */
function redirected({ status, path, query }, request) {
  const all = query === '' ? request.query : query;
  return { statusCode: status, headers: { location: all === '' ? path : `${path}?${all}` }, body: '' };
}

module.exports = { applied, netlifyRules, redirected, vercelRules };
