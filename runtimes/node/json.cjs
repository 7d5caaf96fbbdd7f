'use strict';
// Results as JSON. What JSON has no word for either becomes something that is defined (README.md has the table), or is an
// error that says what it is and where.

const { types } = require('node:util');

/** A result may be nested so deep. */
const MAX_DEPTH = 1000;

const NAME = /^[A-Za-z_$][\w$]*$/;

/** What a handler returned cannot be answered with. */
class BadResult extends Error {}

/** The JSON text of a value; `null` for undefined. */
function stringify(value, what = 'result') {
  const plain = isPlain(value, 0) ? value : convert(value, [what], new Set());
  return JSON.stringify(plain) ?? 'null';
}

/** Whether JSON.stringify says all of it: nearly always, and looking is cheap. */
function isPlain(value, depth) {
  switch (typeof value) {
    case 'string':
    case 'boolean':
    case 'undefined':
      return true;
    case 'number':
      return Number.isFinite(value);
    case 'object':
      break;
    default:
      return false;
  }
  if (value === null) return true;
  if (depth === MAX_DEPTH) return false;
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index += 1) if (!isPlain(value[index], depth + 1)) return false;
    return value.toJSON === undefined;
  }
  const prototype = Object.getPrototypeOf(value);
  if ((prototype !== Object.prototype && prototype !== null) || value.toJSON !== undefined) return false;
  for (const key of Object.keys(value)) if (!isPlain(value[key], depth + 1)) return false;
  return true;
}

/** The value in JSON's own types. `path` leads to it, `above` has the values that it is in. */
function convert(value, path, above) {
  switch (typeof value) {
    case 'string':
    case 'boolean':
    case 'undefined':
      return value;
    case 'number':
      if (Number.isFinite(value)) return value;
      throw new BadResult(`${shown(path)} is ${value}, which JSON cannot express`);
    case 'object':
      if (value === null) return value;
      break;
    default:
      throw unknown(value, path);
  }
  if (above.has(value)) throw new BadResult(`${shown(path)} contains itself`);
  if (above.size === MAX_DEPTH) throw new BadResult(`${shown(path.slice(0, 5))}… is nested more than ${MAX_DEPTH} levels deep`);
  above.add(value);
  const converted = convertObject(value, path, above);
  above.delete(value);
  return converted;
}

function convertObject(value, path, above) {
  const inner = (key, item) => {
    path.push(key);
    const converted = convert(item, path, above);
    path.pop();
    return converted;
  };
  const list = (items) => Array.from(items, (item, index) => inner(index, item));
  const object = (entries) => {
    // Without a prototype: a key may be called `__proto__`.
    const made = Object.create(null);
    for (const [key, item] of entries) made[key] = inner(key, item);
    return made;
  };
  const bytes = bytesOf(value);
  if (bytes !== undefined) return bytes.toString('base64');
  if (types.isDate(value)) {
    if (Number.isNaN(value.getTime())) throw new BadResult(`${shown(path)} is a Date that is invalid`);
    return value.toJSON();
  }
  if (typeof value.toJSON === 'function') {
    const own = value.toJSON(String(path.at(-1)));
    if (own !== value) return convert(own, path, above);
  }
  if (Array.isArray(value) || types.isTypedArray(value)) return list(value);
  if (types.isSet(value)) return list(value);
  if (types.isMap(value)) {
    return object(Array.from(value, ([key, item]) => {
      if (!['string', 'number', 'boolean', 'bigint'].includes(typeof key)) {
        throw new BadResult(`${shown(path)} is a Map with a key of the type ${typeName(key)}: only text, numbers and booleans can be names`);
      }
      return [String(key), item];
    }));
  }
  if (types.isNativeError(value) || value instanceof Error) {
    const cause = value.cause === undefined ? [] : [['cause', value.cause]];
    return object([['name', value.name], ['message', value.message], ...cause, ...Object.entries(value)]);
  }
  if (types.isBoxedPrimitive(value)) return convert(value.valueOf(), path, above);
  if (typeof value.then === 'function') throw new BadResult(`${shown(path)} is a Promise that was not awaited`);
  if (isStream(value)) {
    throw new BadResult(`${shown(path)} is of the type ${typeName(value)}: only the result itself, or its body, can be a stream`);
  }
  const entries = Object.entries(value);
  // What keeps its content elsewhere would become {}.
  const isEmptyShell = entries.length === 0 && typeof value[Symbol.toStringTag] === 'string';
  if (isEmptyShell || types.isRegExp(value)) throw unknown(value, path);
  return object(entries);
}

function unknown(value, path) {
  const hint = typeof value === 'bigint' ? ': use String(value), or Number(value) where that is exact' : '';
  return new BadResult(`${shown(path)} is of the type ${typeName(value)}, which cannot be written as JSON${hint}`);
}

/** The bytes of a Buffer, an ArrayBuffer and the like; undefined for anything else. Arrays of larger numbers are lists. */
function bytesOf(value) {
  if (types.isUint8Array(value) || types.isUint8ClampedArray(value) || types.isDataView(value)) return viewed(value);
  return types.isAnyArrayBuffer(value) ? Buffer.from(value) : undefined;
}

function viewed(view) {
  return Buffer.from(view.buffer, view.byteOffset, view.byteLength);
}

/** Whether it gives its parts one after the other: a stream, a generator or another iterator. */
function isStream(value) {
  if (typeof value !== 'object' || value === null) return false;
  if (typeof value[Symbol.asyncIterator] === 'function') return true;
  return typeof value.next === 'function' && typeof value[Symbol.iterator] === 'function';
}

function typeName(value) {
  if (typeof value !== 'object') return typeof value;
  if (value === null) return 'null';
  const tag = Object.prototype.toString.call(value).slice(8, -1);
  if (tag !== 'Object') return tag;
  const name = value.constructor?.name;
  return typeof name === 'string' && name !== '' ? name : 'Object';
}

/** `result.items[0]["a b"]`. */
function shown(path) {
  const step = (key) => (typeof key === 'number' ? `[${key}]` : NAME.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`);
  return path[0] + path.slice(1).map(step).join('');
}

module.exports = { BadResult, bytesOf, isStream, stringify, typeName, viewed };
