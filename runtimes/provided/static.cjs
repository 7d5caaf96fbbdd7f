'use strict';
// Serves the files of a folder: `node static.cjs FOLDER`. It listens on $PORT.
// A path without a file is index.html's where the site is an application of one page, and 404.html's otherwise.

const fs = require('node:fs');
const http = require('node:http');
const path = require('node:path');

const TYPES = {
  '.html': 'text/html; charset=utf-8', '.htm': 'text/html; charset=utf-8', '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8', '.mjs': 'text/javascript; charset=utf-8', '.json': 'application/json',
  '.map': 'application/json', '.txt': 'text/plain; charset=utf-8', '.xml': 'application/xml', '.svg': 'image/svg+xml',
  '.png': 'image/png', '.jpg': 'image/jpeg', '.jpeg': 'image/jpeg', '.gif': 'image/gif', '.webp': 'image/webp',
  '.avif': 'image/avif', '.ico': 'image/x-icon', '.woff': 'font/woff', '.woff2': 'font/woff2', '.wasm': 'application/wasm',
  '.pdf': 'application/pdf', '.mp4': 'video/mp4', '.webm': 'video/webm', '.mp3': 'audio/mpeg', '.webmanifest': 'application/manifest+json',
};
// What a folder that is a site by itself also holds, and what is no part of it.
const PRIVATE = new Set(['node_modules', 'package.json', 'package-lock.json', 'function.json', 'requirements.txt']);
const MAX_DEPTH = 3;

/** The folder with an index.html: the one that was named, or the first below it. */
function rootOf(folder, depth = 0) {
  if (fs.existsSync(path.join(folder, 'index.html')) || depth === MAX_DEPTH) return folder;
  let entries = [];
  try {
    entries = fs.readdirSync(folder, { withFileTypes: true });
  } catch {
    return folder;
  }
  for (const entry of entries.filter((entry) => entry.isDirectory()).sort((a, b) => a.name.localeCompare(b.name))) {
    const inner = rootOf(path.join(folder, entry.name), depth + 1);
    if (fs.existsSync(path.join(inner, 'index.html'))) return inner;
  }
  return folder;
}

const named = path.resolve(process.argv[2] ?? '.');
const root = rootOf(named);
if (!fs.existsSync(path.join(root, 'index.html'))) {
  process.stderr.write(`there is no index.html in ${path.relative('.', named) || 'this folder'}: the build made none there\n`);
  process.exit(1);
}

/** The file for a path, below the root and nowhere else. */
function fileFor(pathname) {
  let decoded;
  try {
    decoded = decodeURIComponent(pathname);
  } catch {
    return undefined;
  }
  const parts = decoded.split('/').filter((part) => part !== '');
  if (decoded.includes('\0') || parts.some((part) => part.startsWith('.') && part !== '.well-known') || PRIVATE.has(parts[0])) return undefined;
  const base = path.join(root, ...parts);
  const tries = decoded.endsWith('/') ? [path.join(base, 'index.html')] : [base, `${base}.html`, path.join(base, 'index.html')];
  return tries.find((file) => fs.statSync(file, { throwIfNoEntry: false })?.isFile());
}

const server = http.createServer((request, response) => {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    response.writeHead(405, { allow: 'GET, HEAD' }).end();
    return;
  }
  const pathname = request.url.split('?', 1)[0];
  let file = fileFor(pathname);
  let status = 200;
  if (file === undefined) {
    const page = fs.existsSync(path.join(root, '404.html')) ? '404.html' : 'index.html';
    const wantsPage = path.extname(pathname) === '' && page === 'index.html' && named !== path.resolve('.');
    if (!wantsPage && page === 'index.html') {
      response.writeHead(404, { 'content-type': 'text/plain; charset=utf-8' }).end('not found\n');
      return;
    }
    if (page === '404.html') status = 404;
    file = path.join(root, page);
  }
  const { size, mtime } = fs.statSync(file);
  const headers = {
    'content-type': TYPES[path.extname(file).toLowerCase()] ?? 'application/octet-stream',
    'content-length': size,
    'last-modified': mtime.toUTCString(),
    etag: `"${size.toString(16)}-${mtime.getTime().toString(16)}"`,
  };
  if (status === 200 && request.headers['if-none-match'] === headers.etag) {
    response.writeHead(304, { etag: headers.etag }).end();
    return;
  }
  response.writeHead(status, headers);
  if (request.method === 'HEAD') response.end();
  else fs.createReadStream(file).on('error', () => response.destroy()).pipe(response);
});
server.listen(Number(process.env.PORT ?? 8080), '127.0.0.1');
process.on('SIGTERM', () => server.close(() => process.exit(0)));
