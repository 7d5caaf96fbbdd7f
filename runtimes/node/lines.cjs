'use strict';
// Output that knows which run wrote it: whole lines, each marked with the run in which it was written.

const { AsyncLocalStorage } = require('node:async_hooks');
const { StringDecoder } = require('node:string_decoder');

const RUN_START = '\x1e';
const RUN_END = '\x1f';
// A part of a line that is longer than this is written without waiting for its end.
const MAX_PARTIAL_LINE = 64 * 1024;

/** The owner of what is being written now: a run, or nothing for what is outside of any run. */
const owners = new AsyncLocalStorage();

/** A run, or what is outside of any, with the parts of its lines that have no end yet. */
class Owner {
  constructor(run) {
    this.mark = run === undefined ? '' : RUN_START + run + RUN_END;
    this.stdout = '';
    this.stderr = '';
    /** Decoders by stream, from the first bytes on: they keep the first half of a character until the second comes. */
    this.decoders = undefined;
    /** Fails the run with an error that nobody caught; see failures.cjs. */
    this.fail = undefined;
  }
}

const outside = new Owner(undefined);
/** Owners with a part of a line; what is left of them is written when the process ends. */
const unfinished = new Set();

/** Makes each write come out as whole lines, each marked with the run it was written in. */
function markLines() {
  for (const name of ['stdout', 'stderr']) {
    const stream = process[name];
    const write = stream.write.bind(stream);
    // Nobody reads it any more: whoever started this process is gone. To log that would fail again, without end.
    stream.on('error', () => process.exit(1));
    stream.write = (chunk, encoding, callback) => {
      if (typeof chunk !== 'string' && !ArrayBuffer.isView(chunk)) return write(chunk, encoding, callback);
      const done = typeof encoding === 'function' ? encoding : callback;
      const owner = owners.getStore() ?? outside;
      const lines = wholeLines(owner, name, textOf(owner, name, chunk, typeof encoding === 'string' ? encoding : 'utf8'));
      if (lines !== '') return write(lines, done);
      if (done) process.nextTick(done);
      return true;
    };
  }
  process.on('exit', () => {
    for (const owner of unfinished) flush(owner);
    flush(outside);
  });
}

/** The text of a write. Bytes may end within a character: its first half waits for the next write of the same run. */
function textOf(owner, name, chunk, encoding) {
  const isText = typeof chunk === 'string' && (encoding === 'utf8' || encoding === 'utf-8');
  if (isText && owner.decoders?.[name] === undefined) return chunk;
  const bytes = typeof chunk === 'string' ? Buffer.from(chunk, encoding) : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  owner.decoders ??= {};
  owner.decoders[name] ??= new StringDecoder('utf8');
  unfinished.add(owner);
  return owner.decoders[name].write(bytes);
}

function wholeLines(owner, name, text) {
  const all = owner[name] === '' ? text : owner[name] + text;
  let end = all.lastIndexOf('\n') + 1;
  let lines = all.slice(0, end);
  if (all.length - end >= MAX_PARTIAL_LINE) {
    // The first half of a surrogate pair waits for the second.
    const last = all.charCodeAt(all.length - 1);
    end = last >= 0xd800 && last <= 0xdbff ? all.length - 1 : all.length;
    lines = `${all.slice(0, end)}\n`;
  }
  owner[name] = all.slice(end);
  if (owner[name] !== '') unfinished.add(owner);
  return lines === '' ? '' : marked(owner.mark, lines);
}

function marked(mark, lines) {
  if (mark === '') return lines;
  // One line is the usual case.
  if (lines.indexOf('\n') === lines.length - 1) return mark + lines;
  return mark + lines.slice(0, -1).replaceAll('\n', `\n${mark}`) + '\n';
}

/** Writes what has no line end yet. */
function flush(owner) {
  for (const name of ['stdout', 'stderr']) {
    const half = owner.decoders?.[name]?.end() ?? '';
    if (owner[name] + half !== '') owners.run(owner, () => process[name].write(`${half}\n`));
  }
  unfinished.delete(owner);
}

module.exports = { Owner, owners, outside, markLines, flush };
