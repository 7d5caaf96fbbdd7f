'use strict';
// `(req, res)` for handlers that expect those of Node's own server.

const { isUtf8 } = require('node:buffer');
const http = require('node:http');
const os = require('node:os');
const path = require('node:path');

const FRAMING = new Set(['content-length', 'transfer-encoding', 'connection', 'keep-alive', 'expect', 'upgrade', 'te', 'trailer']);

let loopbacks = 0;

/** A request whose body has been read, as one that can still be read. */
function incoming(request, socket) {
  const made = new http.IncomingMessage(socket);
  made.method = request.method;
  made.url = request.url;
  made.httpVersion = '1.1';
  made.httpVersionMajor = 1;
  made.httpVersionMinor = 1;
  const headers = { ...request.headers };
  // What it was framed with is gone.
  if (headers['transfer-encoding'] !== undefined) {
    delete headers['transfer-encoding'];
    headers['content-length'] = String(request.body.length);
  }
  made.headers = headers;
  for (const [name, value] of Object.entries(headers)) made.rawHeaders.push(name, String(value));
  if (request.body.length > 0) made.push(request.body);
  made.push(null);
  made.complete = true;
  return made;
}

/**
 * Lets `use(req, res)` answer the request. A service answers its caller directly; a job gets what was answered as a result.
 * It is over when the answer is, whatever `use` returns before.
 */
async function respond(request, exchange, use) {
  if (exchange === undefined) return overLoopback(request, use);
  const { response } = exchange;
  await answered(incoming(request, exchange.request.socket), response, use);
  return undefined;
}

function answered(req, res, use) {
  return new Promise((resolve, reject) => {
    res.once('close', resolve);
    res.once('finish', resolve);
    const failed = (error) => (res.writableEnded ? resolve() : reject(error));
    try {
      Promise.resolve(use(req, res)).catch(failed);
    } catch (error) {
      failed(error);
    }
  });
}

/** A job has no caller: the request is made to a server that is there for it alone. */
async function overLoopback(request, use) {
  loopbacks += 1;
  const socketPath = path.join(os.tmpdir(), `eventflow-${process.pid}-${loopbacks}.sock`);
  const server = http.createServer();
  try {
    return await new Promise((resolve, reject) => {
      server.on('error', reject);
      server.on('request', (received, res) => {
        received.resume();
        answered(incoming(request, received.socket), res, use).catch(reject);
      });
      server.listen(socketPath, () => ask(socketPath, request).then(resolve, reject));
    });
  } finally {
    server.close();
    server.closeAllConnections();
  }
}

/** Asks a server on a Unix socket. The body is handed over otherwise. */
function ask(socketPath, { method, url, headers, sent }) {
  const kept = Object.entries(headers).filter(([name]) => !FRAMING.has(name));
  return new Promise((resolve, reject) => {
    const asked = http.request({ socketPath, method, path: url, headers: Object.fromEntries(kept) }, (response) => {
      const parts = [];
      response.on('data', (part) => parts.push(part));
      response.on('error', reject);
      response.on('end', () => {
        // What belongs to this connection alone is nobody's answer.
        const said = Object.entries(response.headers).filter(([name]) => !FRAMING.has(name) && name !== 'date');
        resolve(asResult(response.statusCode, Object.fromEntries(said), Buffer.concat(parts)));
      });
    });
    asked.on('error', reject);
    asked.end(sent);
  });
}

function asResult(statusCode, headers, body) {
  const text = isUtf8(body);
  return { statusCode, headers: { ...headers }, body: body.toString(text ? 'utf8' : 'base64'), isBase64Encoded: !text };
}

module.exports = { ask, asResult, incoming, respond };
