'use strict';
// Which environment variables the function's own files asked for in vain while they were loaded: the usual reason why a
// client that is made at the top of a file complains about a key that is missing.

const path = require('node:path');

const MAX_NAMES = 5;
/** What programs look for without needing it. */
const OPTIONAL = /^(NODE_|npm_|DEBUG|CI$|TERM|NO_COLOR|FORCE_COLOR|COLOR|HOST$|PORT$|LOG_|VERBOSE|TZ$|HTTPS?_PROXY$|NO_PROXY$|.*_ENV$)/i;

/** Watches until `end`. `explain` puts the names into an error, as `missingVariables`. */
function watchEnvironment() {
  const real = process.env;
  const missing = new Set();
  const folder = process.cwd() + path.sep;
  process.env = new Proxy(real, {
    get(target, name) {
      const value = target[name];
      const isMissing = value === undefined && typeof name === 'string' && missing.size < MAX_NAMES;
      if (isMissing && !OPTIONAL.test(name) && !(name in Object.prototype) && isAskedBy(folder)) missing.add(name);
      return value;
    },
    // What the usual way would do with a proxy, the environment refuses.
    set(target, name, value) {
      target[name] = value;
      return true;
    },
    defineProperty: (target, name, { value }) => Reflect.defineProperty(target, name, { value, writable: true, enumerable: true, configurable: true }),
  });
  return {
    explain(error) {
      if (missing.size > 0 && isMentioned(error, missing)) error.missingVariables = [...missing];
    },
    end() {
      process.env = real;
    },
  };
}

/** Whether the function's own code asks, and not a package of it. */
function isAskedBy(folder) {
  const asker = (new Error().stack ?? '').split('\n').slice(3, 4).join('');
  return asker.includes(folder) && !asker.includes(`${path.sep}node_modules${path.sep}`);
}

/** An error that is about something else (a file or a syntax) is none of theirs. */
function isMentioned(error, names) {
  if (!(error instanceof Error) || error instanceof SyntaxError || /MODULE_NOT_FOUND|^ERR_(REQUIRE|UNSUPPORTED|UNKNOWN)/.test(error.code ?? '')) return false;
  const text = error.message;
  return [...names].some((name) => text.includes(name)) || /\b(key|token|secret|credential|password|url|uri|connection|environment|env|config|undefined|required|missing|provided|empty|invalid)/i.test(text);
}

module.exports = { watchEnvironment };
