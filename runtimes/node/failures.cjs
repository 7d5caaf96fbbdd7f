'use strict';
// Errors that nobody caught: each fails the run that caused it, and no other one.

const { BadResult } = require('./json.cjs');
const { owners } = require('./lines.cjs');

/** What to log of anything that was thrown, which need not be an error. */
function stackOf(error) {
  // It says where it is; the stack would be that of the wrapper.
  if (error instanceof BadResult) return error.message;
  return safely(() => (typeof error?.stack === 'string' ? error.stack : String(error)), error);
}

/** What to tell the caller of anything that was thrown. */
function messageOf(error) {
  return safely(() => {
    const message = typeof error === 'object' && error !== null ? error.message : undefined;
    if (typeof message === 'string' && message !== '') return message;
    if (error instanceof Error) return error.name;
    return String(error);
  }, error);
}

/** Anything can be thrown, also what cannot be shown. */
function safely(show, error) {
  try {
    return show();
  } catch {
    return `something of the type ${typeof error} that cannot be shown was thrown`;
  }
}

/**
 * From now on an exception of a timer or of an event, and a rejection that nobody handles, do not end the process: they
 * fail the run in whose course they happened. Outside of any run, and after its answer, they are logged.
 */
function catchTheUncaught() {
  const caught = (what) => (error) => {
    const owner = owners.getStore();
    process.stderr.write(`${what}${owner === undefined ? ' outside of any run' : ''}: ${stackOf(error)}\n`);
    owner?.fail?.(error);
  };
  process.on('uncaughtException', caught('Uncaught exception'));
  process.on('unhandledRejection', caught('Unhandled rejection'));
}

module.exports = { catchTheUncaught, messageOf, stackOf };
