'use strict';
// What the body of a request means: decompressed, decoded by its charset, parsed as its type says.

const { isUtf8 } = require('node:buffer');

/** A compressed body may become as large as any body may be by default, and no larger: many may come at once. */
const MAX_DECODED_BYTES = 6 * 1024 * 1024;

const TEXT = /^(text\/|application\/(x-www-form-urlencoded|xml|javascript|yaml|x-yaml|graphql)\b|[^;]+\+xml\b)/i;
const JSON_TYPE = /^\s*(application\/json|text\/json|[^;]+\+json)\s*(;|$)/i;
const CHARSET = /;\s*charset\s*=\s*(?:"([^"]*)"|([^\s;]*))/i;
// What the bytes from 0x80 to 0x9f mean in windows-1252; the decoder of some versions of node takes it for Latin-1.
const WINDOWS_1252 = '€\x81‚ƒ„…†‡ˆ‰Š‹Œ\x8dŽ\x8f\x90‘’“”•–—˜™š›œ\x9džŸ';
// ASCII is a part of UTF-8, and what is said to be the one is often the other.
const UTF_8 = ['', 'utf8', 'ascii', 'us-ascii'];
const BOM = '\ufeff';

/** A request that the caller got wrong, with the status to answer. */
class BadRequest extends Error {
  constructor(message, status = 400, code = 'bad_request') {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** The decoder of a content coding that is undone here; any other body is handed on as it is. */
function decoderOf(coding) {
  const zlib = require('node:zlib');
  switch (coding?.trim().toLowerCase()) {
    case 'gzip':
    case 'x-gzip':
      return zlib.gunzip;
    case 'br':
      return zlib.brotliDecompress;
    case 'zstd':
      // Since Node.js 22.15; undefined before.
      return zlib.zstdDecompress;
    case 'deflate':
      // Some senders leave out the header that belongs to it: the first byte shows which it is.
      return (bytes, options, done) => ((bytes[0] & 0x0f) === 8 ? zlib.inflate : zlib.inflateRaw)(bytes, options, done);
    default:
      return undefined;
  }
}

/** Whether the body is to be decompressed before it is read. */
function isCompressed(coding) {
  return coding !== undefined && coding !== '' && coding.trim().toLowerCase() !== 'identity';
}

/** Undoes one coding, once. `done(error, bytes)`: without bytes when the coding is none that is known here. */
function decompress(body, coding, done) {
  const decoder = decoderOf(coding);
  if (decoder === undefined) {
    done(null, undefined);
    return;
  }
  decoder(body, { maxOutputLength: MAX_DECODED_BYTES }, (error, bytes) => {
    if (error === null) done(null, bytes);
    else if (error.code === 'ERR_BUFFER_TOO_LARGE') done(new BadRequest(`the body has more than ${MAX_DECODED_BYTES} bytes when it is decompressed`, 413, 'too_large'));
    else done(new BadRequest(`the body is not valid ${coding}: ${error.message}`));
  });
}

/** The charset of a body: what its type says, else what its byte order mark says, else UTF-8. */
function charsetOf(bytes, type) {
  const match = CHARSET.exec(type ?? '');
  const named = match === null ? '' : (match[1] ?? match[2]).toLowerCase();
  const mark = bytes.length >= 2 ? bytes.readUInt16BE(0) : 0;
  if (named === '' && (mark === 0xfeff || mark === 0xfffe)) return mark === 0xfeff ? 'utf-16be' : 'utf-16le';
  if (named === 'utf-16') return mark === 0xfeff ? 'utf-16be' : 'utf-16le';
  return UTF_8.includes(named) ? 'utf-8' : named;
}

/** The text of bytes, without a byte order mark; undefined when the charset is not known. */
function decode(bytes, charset) {
  if (charset === 'utf-8') {
    const text = bytes.toString('utf8');
    return text.startsWith(BOM) ? text.slice(1) : text;
  }
  // To browsers these names mean windows-1252; here they mean themselves, as in Python.
  if (charset === 'iso-8859-1' || charset === 'latin1') return bytes.toString('latin1');
  if (charset === 'windows-1252' || charset === 'cp1252') {
    return bytes.toString('latin1').replace(/[\x80-\x9f]/g, (char) => WINDOWS_1252[char.charCodeAt(0) - 0x80]);
  }
  try {
    return new TextDecoder(charset).decode(bytes);
  } catch {
    return undefined;
  }
}

/**
 * Parses an event. It is UTF-8 whatever its type says: the platform has looked at it as such, and must not have seen
 * another event than the handler does.
 */
function parseEvent(bytes) {
  return parseJson(bytes, 'application/json; charset=utf-8', 'the CloudEvent');
}

/** Parses JSON of a caller's. It is UTF-8 unless its type says otherwise; a byte order mark is no part of it. */
function parseJson(bytes, type, what) {
  const charset = charsetOf(bytes, type);
  if (charset === 'utf-8' && !isUtf8(bytes)) throw new BadRequest(`${what} is not valid UTF-8`);
  const text = decode(bytes, charset);
  if (text === undefined) throw new BadRequest(`the charset ${JSON.stringify(charset)} of ${what} is not known`);
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new BadRequest(`${what} is not valid JSON: ${error.message}`);
  }
}

/** Puts a body that is not compressed any more into the event, as its type says: `data`, or `data_base64` for bytes. */
function setData(event, type, body) {
  if (body === undefined || body.length === 0) {
    event.data = null;
    return;
  }
  if (type !== undefined && JSON_TYPE.test(type)) {
    event.data = parseJson(body, type, 'the body');
    return;
  }
  const isText = type === undefined ? isUtf8(body) : TEXT.test(type.trimStart());
  const text = isText ? decode(body, charsetOf(body, type)) : undefined;
  if (text === undefined) setBytes(event, body);
  else event.data = text;
}

function setBytes(event, body) {
  delete event.data;
  event.data_base64 = body.toString('base64');
}

module.exports = { BadRequest, charsetOf, decompress, isCompressed, parseEvent, setBytes, setData };
