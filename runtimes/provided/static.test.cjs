'use strict';
// The server of a folder's files, as a program: `node --test runtimes/provided`.

const assert = require('node:assert/strict');
const { spawn } = require('node:child_process');
const fs = require('node:fs');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const { once } = require('node:events');
const { test } = require('node:test');

const PATIENCE_MS = 30_000;

async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

async function serving(t, files, folder) {
  const root = fs.mkdtempSync(path.join(os.tmpdir(), 'static-'));
  for (const [name, text] of Object.entries(files)) {
    fs.mkdirSync(path.dirname(path.join(root, name)), { recursive: true });
    fs.writeFileSync(path.join(root, name), text);
  }
  const port = await freePort();
  const child = spawn(process.execPath, [path.join(__dirname, 'static.cjs'), folder], { cwd: root, env: { ...process.env, PORT: String(port) }, stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr.on('data', (part) => (said += part));
  const closed = once(child, 'close');
  t.after(() => (child.kill('SIGKILL'), fs.rmSync(root, { recursive: true })));
  const until = Date.now() + PATIENCE_MS;
  for (;;) {
    if (child.exitCode !== null) {
      await closed;
      return { exit: child.exitCode, said };
    }
    try {
      await fetch(`http://127.0.0.1:${port}/`);
      return { get: (at, init) => fetch(`http://127.0.0.1:${port}${at}`, init) };
    } catch (error) {
      if (Date.now() > until) throw error;
      await new Promise((done) => setTimeout(done, 20));
    }
  }
}

test('files of a page are served, and nothing else of its folder', async (t) => {
  const site = await serving(t, { 'index.html': 'home', 'a/index.html': 'a', 'b.html': 'b', 'style.css': 'p{}', '.env': 'SECRET=1', 'package.json': '{}', 'node_modules/x.js': 'x' }, '.');
  for (const [at, status, type, body] of [
    ['/', 200, 'text/html; charset=utf-8', 'home'],
    ['/a/', 200, 'text/html; charset=utf-8', 'a'],
    ['/b', 200, 'text/html; charset=utf-8', 'b'],
    ['/style.css?v=1', 200, 'text/css; charset=utf-8', 'p{}'],
    ['/none', 404],
    ['/.env', 404],
    ['/%2e%2e/%2e%2e/etc/passwd', 404],
    ['/..%2f..%2fetc%2fpasswd', 404],
    ['/package.json', 404],
    ['/node_modules/x.js', 404],
    ['/%00', 404],
    ['/%zz', 404],
  ]) {
    const answer = await site.get(at);
    assert.equal(answer.status, status, at);
    if (type !== undefined) assert.deepEqual([answer.headers.get('content-type'), await answer.text()], [type, body], at);
  }
  const first = await site.get('/');
  const again = await site.get('/', { headers: { 'if-none-match': first.headers.get('etag') } });
  assert.equal(again.status, 304);
  assert.equal((await site.get('/', { method: 'POST' })).status, 405);
});

test('the paths of an application of one page are its page, and files that are missing are not', async (t) => {
  const site = await serving(t, { 'dist/shop/browser/index.html': 'app', 'dist/shop/browser/main.js': 'x' }, 'dist');
  assert.equal(await (await site.get('/orders/7')).text(), 'app');
  assert.equal((await site.get('/none.js')).status, 404);
});

test('a folder without a page is told', async (t) => {
  const { exit, said } = await serving(t, { 'dist/readme.txt': '' }, 'dist');
  assert.equal(exit, 1);
  assert.match(said, /no index.html in dist/);
});
