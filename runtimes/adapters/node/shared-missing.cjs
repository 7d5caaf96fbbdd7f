'use strict';
// What a platform has and EventFlow has not: whoever uses it learns its name.

class NotThere extends Error {
  constructor(what, why) {
    super(`${what} is not there on EventFlow: ${why}`);
    this.name = 'NotThere';
  }
}

/**
 * Gives an object a part that raises as soon as it is read. It is not enumerable: whoever copies or logs the whole object
 * does not use it.
 */
function missing(object, prefix, parts) {
  for (const [name, why] of Object.entries(parts)) {
    Object.defineProperty(object, name, {
      get() {
        throw new NotThere(`${prefix}${name}`, why);
      },
      set(value) {
        Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true });
      },
      enumerable: false,
      configurable: true,
    });
  }
  return object;
}

/** What goes wrong with work that nobody waits for belongs to the log. */
function inBackground(promise) {
  Promise.resolve(promise).catch((error) => process.stderr.write(`${error?.stack ?? error}\n`));
}

module.exports = { NotThere, inBackground, missing };
