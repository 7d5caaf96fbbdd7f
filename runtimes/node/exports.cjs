'use strict';
// What a file exports, in words: for the sentence that says why it has no handler.

const MAX_SHOWN = 10;

/** `app (an Express application), start (function)`. */
function describeExports(exported) {
  const own = kindOf(exported);
  const isItself = own !== undefined && (typeof exported === 'function' || own !== 'object');
  const names = nameable(exported);
  const shown = names.slice(0, MAX_SHOWN).map((name) => `${name} (${kindOf(exported[name])})`);
  if (names.length > MAX_SHOWN) shown.push(`${names.length - MAX_SHOWN} more`);
  if (isItself) shown.unshift(`${own} itself`);
  return shown.join(', ') || 'nothing';
}

function nameable(exported) {
  // An application exports itself; what it is made of is nobody's handler.
  if (exported === null || exported === undefined || isApplication(exported)) return [];
  return typeof exported === 'object' || typeof exported === 'function' ? Object.keys(exported) : [];
}

/** What to do about it, as the rest of the sentence; empty when nothing is plain. */
function suggestion(exported, stem, shown) {
  const values = [['default', exported], ...nameable(exported).map((name) => [name, exported[name]])];
  const application = values.find(([, value]) => isApplication(value));
  if (application !== undefined) {
    if (typeof application[1].fetch === 'function') return `: serve it with "adapter": "fetch" and "handler": "${stem}.${application[0]}"`;
    return `: start it as a program that listens on $PORT, with "runtime": "command" and "command": ["node", "${shown}"]`;
  }
  const fetching = values.find(([, value]) => typeof value === 'object' && typeof value?.fetch === 'function');
  if (fetching !== undefined) return `: serve it with "adapter": "fetch" and "handler": "${stem}.${fetching[0]}"`;
  const functions = values.filter(([, value]) => typeof value === 'function');
  return functions.length === 1 ? `: if that is the handler, say "handler": "${stem}.${functions[0][0]}"` : '';
}

function isApplication(value) {
  return applicationOf(value) !== undefined;
}

/** Web frameworks, by what their applications can do. */
function applicationOf(value) {
  if (value === null || (typeof value !== 'object' && typeof value !== 'function')) return undefined;
  const can = (...names) => names.every((name) => typeof value[name] === 'function');
  if (typeof value === 'function' && can('use', 'handle', 'set', 'listen')) return 'an Express application';
  if (can('inject', 'register', 'listen', 'route')) return 'a Fastify application';
  if (can('callback', 'use', 'listen') && Array.isArray(value.middleware)) return 'a Koa application';
  if (can('fetch', 'request', 'route', 'use')) return 'a Hono application';
  if (can('listen', 'close', 'address')) return 'an HTTP server';
  return undefined;
}

function kindOf(value) {
  if (value === undefined) return 'undefined';
  if (value === null) return 'null';
  const application = applicationOf(value);
  if (application !== undefined) return application;
  if (typeof value === 'function') return /^class\b/.test(Function.prototype.toString.call(value)) ? 'class' : 'function';
  if (typeof value === 'object' && typeof value.fetch === 'function') return 'an object with fetch';
  return typeof value;
}

module.exports = { applicationOf, describeExports, kindOf, suggestion };
