'use strict';
// The wrapper by itself, without a sandbox: `node --test runtimes/node`.

const assert = require('node:assert');
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const fs = require('node:fs');
const http = require('node:http');
const net = require('node:net');
const os = require('node:os');
const path = require('node:path');
const { test } = require('node:test');

const WRAPPER = path.join(__dirname, 'wrapper.cjs');
const RUN = '01890000-0000-7000-8000-000000000001';

/** Starts the wrapper in a folder with these files; `output` is all that it wrote. */
function start(t, files, args, { env = {}, input } = {}) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'wrapper-'));
  for (const [name, content] of Object.entries(files)) fs.writeFileSync(path.join(folder, name), content);
  const socket = path.join(folder, 'socket');
  const child = spawn(process.execPath, [WRAPPER, ...args], {
    cwd: folder,
    env: { EVENTFLOW_SOCKET: socket, EVENTFLOW_FUNCTION: 'f', EVENTFLOW_RESULT: path.join(folder, 'result'), ...env },
  });
  const process_ = { child, folder, socket, output: '' };
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part) => (process_.output += part));
  child.stdin.end(input);
  process_.ended = new Promise((done) => child.on('close', (code, signal) => done({ code, signal })));
  t.after(() => {
    child.kill('SIGKILL');
    fs.rmSync(folder, { recursive: true, force: true });
  });
  return process_;
}

async function until(condition, what) {
  const end = Date.now() + 10_000;
  while (!(await condition())) {
    assert.ok(Date.now() < end, `it did not happen in time: ${what}`);
    await new Promise((done) => setTimeout(done, 2));
  }
}

async function service(t, files, handler = 'index.handler', options) {
  const started = start(t, files, [handler], options);
  await until(() => started.child.exitCode !== null || accepts(started.socket), 'it listens');
  assert.strictEqual(started.child.exitCode, null, started.output);
  return started;
}

/** A socket is there before it is listened on. */
function accepts(socket) {
  return new Promise((done) => {
    const probe = net.connect(socket, () => done(true));
    probe.on('error', () => done(false));
    probe.on('connect', () => probe.destroy());
  });
}

function ask(socketPath, { body, agent, onPart, ...options } = {}) {
  return new Promise((resolve, reject) => {
    const request = http.request({ socketPath, path: '/', agent, ...options }, (response) => {
      let text = '';
      response.on('data', (part) => {
        text += part;
        onPart?.(String(part), request);
      });
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, text, json: () => JSON.parse(text) }));
      response.on('error', reject);
    });
    request.on('error', reject);
    request.end(body);
  });
}

test('CommonJS, .mjs and "type": "module" all load', async (t) => {
  const commonJs = await service(t, { 'index.js': 'exports.handler = () => "cjs";' });
  assert.strictEqual((await ask(commonJs.socket)).json(), 'cjs');
  const marked = await service(t, { 'index.js': '\ufeffexports.handler = () => "ä";' });
  assert.strictEqual((await ask(marked.socket)).json(), 'ä');
  const mjs = await service(t, { 'index.mjs': 'export const handler = async () => "mjs";' });
  assert.strictEqual((await ask(mjs.socket)).json(), 'mjs');
  const module = await service(t, { 'package.json': '{"type":"module"}', 'index.js': 'await 0; export const handler = () => "module";' });
  assert.strictEqual((await ask(module.socket)).json(), 'module');
});

test('a handler that cannot be loaded says which file, which export and what was found', async (t) => {
  const cases = [
    [{ 'index.js': 'exports.other = () => 1;' }, 'index.handler', /index\.js exports no function "handler"; it exports other \(function\)/],
    [{}, 'index.handler', /no such file: looked for index\.js, index\.mjs/],
    [{ 'index.js': 'throw new Error("not today")' }, 'index.handler', /index\.js cannot be loaded: Error: not today/],
    [{ 'index.js': '' }, 'handler', /must be FILE\.EXPORT/],
  ];
  for (const [files, handler, message] of cases) {
    const started = start(t, files, [handler]);
    assert.deepStrictEqual(await started.ended, { code: 1, signal: null });
    assert.match(started.output, message);
  }
});

test('what a file exports is named, with what to do about it', async (t) => {
  const cases = [
    [{ 'app.js': 'const app = () => {}; app.use = app.handle = app.set = app.listen = () => {}; module.exports = { app };' }, 'app.handler',
      /app\.js exports no function "handler"; it exports app \(an Express application\): start it as a program that listens on \$PORT, with "runtime": "command" and "command": \["node", "app\.js"\]/],
    [{ 'app.js': 'module.exports = () => 1;' }, 'app.handler', /it exports function itself: if that is the handler, say "handler": "app\.default"/],
    [{ 'index.mjs': 'export default { fetch() {} };' }, 'index.handler', /default \(an object with fetch\): serve it with "adapter": "fetch" and "handler": "index\.default"/],
    [{ 'index.js': 'module.exports = new (require("node:http").Server)();' }, 'index.handler', /it exports an HTTP server itself: start it as a program/],
    [{ 'index.js': 'exports.run = class {}; exports.limit = 3; exports.go = () => 1;' }, 'index.handler', /it exports run \(class\), limit \(number\), go \(function\)\n/],
    [{ 'index.js': 'for (let n = 0; n < 100; n += 1) exports["n" + n] = n;' }, 'index.handler', /n9 \(number\), 90 more\n/],
  ];
  await Promise.all(cases.map(async ([files, handler, message]) => {
    const started = start(t, files, [handler]);
    assert.deepStrictEqual(await started.ended, { code: 1, signal: null });
    assert.match(started.output, message);
  }));
  const itself = await service(t, { 'app.js': 'module.exports = () => "itself";' }, 'app.default');
  assert.strictEqual((await ask(itself.socket)).json(), 'itself');
});

test('a file may change the environment while it is loaded', async (t) => {
  const code = `process.env.SET = 'a'; process.env.NUMBER = 1; Object.assign(process.env, { ASSIGNED: 'b' }); delete process.env.GONE;
    Object.defineProperty(process.env, 'DEFINED', { value: 'c', writable: true, enumerable: true, configurable: true });
    const { env } = process;
    const child = require('node:child_process').execSync('echo $SET$ASSIGNED').toString().trim();
    exports.handler = () => { env.LATER = 'd'; return [process.env.SET, process.env.NUMBER, process.env.ASSIGNED, 'GONE' in process.env, process.env.DEFINED, child, process.env.LATER, env.NONE]; };`;
  const started = await service(t, { 'index.js': code }, 'index.handler', { env: { GONE: '1', PATH: process.env.PATH } });
  assert.deepStrictEqual((await ask(started.socket)).json(), ['a', '1', 'b', false, 'c', 'ab', 'd', null]);
});

test('a package or a variable that is missing is named in the last line', async (t) => {
  const client = 'class Client { constructor(key) { if (!key) throw new Error("Neither apiKey nor config.authenticator provided"); } }';
  const cases = [
    [{ 'index.js': 'require("@scope/name/deep");' }, /\nindex\.js needs the package "@scope\/name", which is not installed: add it to "dependencies" in package\.json\n$/],
    [{ 'index.mjs': 'import "express";' }, /\nindex\.mjs needs the package "express", which is not installed/],
    [{ 'index.mjs': 'import data from "./data.json"; export const handler = () => data;', 'data.json': '{}' }, /\nindex\.mjs imports a file of JSON, which Node\.js wants said/],
    [{ 'index.js': 'require("./lib/none");' }, /\nindex\.js needs \.\/lib\/none, and there is no such file\n$/],
    [{ 'index.js': `${client} if (process.env.DEBUG) console.log(1); new Client(process.env.STRIPE_SECRET_KEY);` }, /\nindex\.js reads an environment variable that is not set, `STRIPE_SECRET_KEY`: set it as a secret or in "env"\n$/],
    [{ 'index.js': 'process.env.STRIPE_SECRET_KEY; null.x;' }, /cannot be loaded: TypeError: (?!.*secrets)/s],
  ];
  await Promise.all(cases.map(async ([files, message]) => {
    const started = start(t, files, ['index.handler']);
    assert.deepStrictEqual(await started.ended, { code: 1, signal: null });
    assert.match(started.output, message);
  }));
});

test('TypeScript runs where Node.js can strip its types, and is refused with what to do where it cannot', async (t) => {
  const files = { 'index.ts': 'interface Named { name: string }\nexport const handler = (event: { type: string }): Named => ({ name: event.type });' };
  if (process.features.typescript) {
    files['index.ts'] = `import { one } from './one';\nimport { two } from './two.js';\n${files['index.ts']}\nexport const sum = one + two;`;
    const started = await service(t, { ...files, 'one.ts': 'export const one: number = 1;', 'two.ts': 'export const two: number = 2;', 'package.json': '{"type":"module"}' });
    assert.deepStrictEqual((await ask(started.socket)).json(), { name: 'http.invoke' });
  } else {
    const started = start(t, files, ['index.handler']);
    assert.deepStrictEqual(await started.ended, { code: 1, signal: null });
    assert.match(started.output, /^index\.ts is TypeScript, which Node\.js [\d.]+ cannot run: compile it in a build step .* or ask for Node\.js 22\.18 or newer\n$/);
  }
});

test('lines of runs that overlap are told apart', async (t) => {
  const code = `exports.handler = async (event) => {
    const name = event.http.query.name;
    process.stdout.write(name + ' begins');
    await new Promise((done) => setTimeout(done, 20));
    console.log(', and\\n' + name + ' ends');
  };`;
  const started = await service(t, { 'index.js': code });
  const runs = ['a', 'b'].map((name, index) => [name, RUN.slice(0, -1) + index]);
  await Promise.all(runs.map(([name, run]) => ask(started.socket, { path: `/?name=${name}`, headers: { 'x-eventflow-run': run } })));
  await until(() => started.output.split('\n').length === 5, 'four lines');
  const expected = runs.flatMap(([name, run]) => [`\x1e${run}\x1f${name} begins, and`, `\x1e${run}\x1f${name} ends`]);
  assert.deepStrictEqual(started.output.trim().split('\n').sort(), expected.sort());
});

test('a partial line is written with its run when the run ends', async (t) => {
  const started = await service(t, { 'index.js': 'exports.handler = () => { process.stdout.write("no end"); };' });
  await ask(started.socket, { headers: { 'x-eventflow-run': RUN } });
  await until(() => started.output !== '', 'the line');
  assert.strictEqual(started.output, `\x1e${RUN}\x1fno end\n`);
});

test('the signal aborts at the deadline', async (t) => {
  const code = 'exports.handler = (event, context) => new Promise((done) => context.signal.addEventListener("abort", () => done(context.signal.reason.name)));';
  const started = await service(t, { 'index.js': code });
  const deadline = new Date(Date.now() + 50).toISOString();
  assert.strictEqual((await ask(started.socket, { headers: { 'x-eventflow-deadline': deadline } })).json(), 'TimeoutError');
});

test('the signal aborts when the caller goes away, and a stream stops', async (t) => {
  const code = `exports.handler = (event, context) => {
    context.signal.addEventListener('abort', () => console.log('aborted'));
    return { statusCode: 200, body: (async function* () { try { for (;;) { yield 'x'.repeat(65536); await 0; } } finally { console.log('closed'); } })() };
  };`;
  const started = await service(t, { 'index.js': code });
  await assert.rejects(ask(started.socket, { onPart: (_, request) => request.destroy() }));
  await until(() => started.output.includes('aborted') && started.output.includes('closed'), 'both ends');
});

test('a stream that fails on its way breaks the answer off', async (t) => {
  const code = 'exports.handler = () => ({ statusCode: 200, body: (function* () { yield "x"; throw new Error("half way"); })() });';
  const started = await service(t, { 'index.js': code });
  await assert.rejects(ask(started.socket));
  await until(() => started.output.includes('half way'), 'the stack');
});

test('SIGTERM lets the request under way finish, and ends with 0', async (t) => {
  const code = 'exports.handler = () => new Promise((done) => { console.log("begun"); setTimeout(done, 200, "whole"); });';
  const started = await service(t, { 'index.js': code });
  const agent = new http.Agent({ keepAlive: true });
  const answer = ask(started.socket, { agent });
  await until(() => started.output.includes('begun'), 'the request');
  started.child.kill('SIGTERM');
  assert.strictEqual((await answer).json(), 'whole');
  assert.deepStrictEqual(await started.ended, { code: 0, signal: null });
  agent.destroy();
});

test('SIGTERM does not wait for a connection on which nothing was asked yet', async (t) => {
  const started = await service(t, { 'index.js': 'exports.handler = () => 1;' });
  const silent = net.connect(started.socket);
  await once(silent, 'connect');
  assert.strictEqual((await ask(started.socket)).json(), 1);
  started.child.kill('SIGTERM');
  const ended = await Promise.race([started.ended, new Promise((done) => setTimeout(done, 5000, 'still there').unref())]);
  assert.deepStrictEqual(ended, { code: 0, signal: null });
});

test('a result that is no JSON is a fault of the function', async (t) => {
  const started = await service(t, { 'index.js': 'exports.handler = () => { const x = {}; x.x = x; return x; };' });
  const answer = await ask(started.socket);
  assert.strictEqual(answer.status, 500);
  assert.strictEqual(answer.json().error.code, 'function_error');
});

test('a job that watches its signal may end in peace; another is ended', async (t) => {
  const waits = 'exports.handler = (e, context) => new Promise((done) => { context.signal.addEventListener("abort", () => done("saved")); console.log("begun"); setInterval(() => {}, 1000); });';
  const watching = start(t, { 'index.js': waits }, ['index.handler', '--job'], { input: '{}' });
  await until(() => watching.output.includes('begun'), 'the start');
  watching.child.kill('SIGTERM');
  assert.deepStrictEqual(await watching.ended, { code: 0, signal: null });
  assert.strictEqual(fs.readFileSync(path.join(watching.folder, 'result'), 'utf8'), '"saved"');

  const deaf = start(t, { 'index.js': 'exports.handler = () => new Promise(() => { console.log("begun"); setInterval(() => {}, 1000); });' }, ['index.handler', '--job'], { input: '{}' });
  await until(() => deaf.output.includes('begun'), 'the start');
  deaf.child.kill('SIGTERM');
  assert.deepStrictEqual(await deaf.ended, { code: 143, signal: null });
});

test('a rejection that nobody handles fails its own run and no other', async (t) => {
  const code = `exports.handler = async (event) => {
    if (event.http.path === '/bad') setTimeout(async () => { await 0; throw new Error('mine alone'); }, 5);
    console.log('begun');
    await new Promise((done) => setTimeout(done, 200));
    return 'fine';
  };`;
  const started = await service(t, { 'index.js': code });
  const paths = ['/good', '/bad', '/good'];
  const answers = await Promise.all(paths.map((path, index) => ask(started.socket, { path, headers: { 'x-eventflow-run': RUN.slice(0, -1) + index } })));
  assert.deepStrictEqual(answers.map((answer) => answer.status), [200, 500, 200]);
  assert.strictEqual(answers[1].json().error.message, 'mine alone');
  await until(() => started.output.includes('mine alone'), 'the log');
  assert.match(started.output, new RegExp(`\x1e${RUN.slice(0, -1)}1\x1fUnhandled rejection: Error: mine alone`));
  assert.strictEqual(started.child.exitCode, null);
});

test('an error outside of any run is logged, and the instance goes on; while the code is loaded it ends it', async (t) => {
  const code = `const later = setInterval(() => { clearInterval(later); throw new Error('in the background'); }, 20);
    exports.handler = () => 1;`;
  const started = await service(t, { 'index.js': code });
  await until(() => started.output.includes('Uncaught exception outside of any run: Error: in the background'), 'the log');
  assert.strictEqual((await ask(started.socket)).json(), 1);

  const broken = start(t, { 'index.mjs': 'Promise.reject(new Error("at the start")); await new Promise((done) => setTimeout(done, 50)); export const handler = () => 1;' }, ['index.handler']);
  assert.strictEqual((await broken.ended).code, 1);
  assert.match(broken.output, /at the start/);
});

test('a body that is too large when it is decompressed is refused, also in Brotli', async (t) => {
  const zlib = require('node:zlib');
  const started = await service(t, { 'index.js': 'exports.handler = (event) => event.data.length;' });
  for (const [coding, size, status] of [['gzip', 7, 413], ['br', 7, 413], ['gzip', 6, 200], ...(zlib.zstdCompressSync ? [['zstd', 7, 413], ['zstd', 6, 200]] : [])]) {
    const plain = Buffer.alloc(size * 1024 * 1024, 'a');
    const body = coding === 'gzip' ? zlib.gzipSync(plain) : coding === 'zstd' ? zlib.zstdCompressSync(plain) : zlib.brotliCompressSync(plain, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 1 } });
    const answer = await ask(started.socket, { method: 'POST', body, headers: { 'content-encoding': coding, 'content-type': 'text/plain' } });
    assert.strictEqual(answer.status, status, answer.text.slice(0, 100));
  }
});

test('halves of characters of runs that overlap, and of child processes, are put together', async (t) => {
  const code = `const { spawn } = require('node:child_process');
  exports.handler = async (event) => {
    const { name } = event.http.query;
    const bytes = Buffer.from(name + ' writes € and 😀\\n');
    for (const byte of bytes) {
      process.stdout.write(Buffer.of(byte));
      await new Promise((done) => setTimeout(done, 1));
    }
    const child = spawn(process.execPath, ['-e', 'for (const byte of Buffer.from("a child\\'s ä€\\\\n")) require("fs").writeSync(1, Buffer.of(byte))']);
    child.stdout.on('data', (part) => { for (const byte of part) process.stdout.write(Buffer.of(byte)); });
    await new Promise((done) => child.on('close', done));
  };`;
  const started = await service(t, { 'index.js': code });
  const parts = [];
  started.child.stdout.on('data', (part) => parts.push(part));
  const runs = ['a', 'b'].map((name, index) => [name, RUN.slice(0, -1) + index]);
  await Promise.all(runs.map(([name, run]) => ask(started.socket, { path: `/?name=${name}`, headers: { 'x-eventflow-run': run } })));
  const lines = () => Buffer.concat(parts).toString().split('\n').slice(0, -1);
  await until(() => lines().length === 4, 'four lines');
  const expected = runs.flatMap(([name, run]) => [`\x1e${run}\x1f${name} writes € and 😀`, `\x1e${run}\x1fa child's ä€`]);
  assert.deepStrictEqual(lines().sort(), expected.sort());
});

test('what a run writes after its end, without a line end, is written when the process ends', async (t) => {
  const started = await service(t, { 'index.js': 'exports.handler = () => { setTimeout(() => { process.stdout.write("late"); console.error("written"); }, 20); };' });
  await ask(started.socket, { headers: { 'x-eventflow-run': RUN } });
  await until(() => started.output.includes('written'), 'the write');
  started.child.kill('SIGTERM');
  await started.ended;
  assert.match(started.output, new RegExp(`\x1e${RUN}\x1flate\n`));
});

test('streams that wait for their next part are ended when the caller goes away', async (t) => {
  const code = `const { Readable } = require('node:stream');
  exports.handler = (event) => {
    const closed = () => console.log(event.http.path + ' closed');
    if (event.http.path === '/web') return new ReadableStream({ start: (source) => source.enqueue(Buffer.from('x')), cancel: closed });
    const body = new Readable({ read() {} });
    body.push('x');
    body.on('close', closed);
    return body;
  };`;
  const started = await service(t, { 'index.js': code });
  for (const path of ['/web', '/node']) {
    await assert.rejects(ask(started.socket, { path, onPart: (_, request) => request.destroy() }));
    await until(() => started.output.includes(`${path} closed`), `${path} is closed`);
  }
  assert.doesNotMatch(started.output, /Error/);
});

test('a process whose output nobody reads any more ends', async (t) => {
  const code = 'exports.handler = () => { setInterval(() => console.log("more".repeat(20000)), 1); return 1; };';
  const started = await service(t, { 'index.js': code });
  await ask(started.socket);
  started.child.stdout.destroy();
  started.child.stderr.destroy();
  assert.deepStrictEqual(await started.ended, { code: 1, signal: null });
});

test('what the platform does not take for an event of its own is none here', async (t) => {
  const started = await service(t, { 'index.js': 'exports.handler = (event) => event.type;' });
  const body = '{"specversion":"1.0","id":"1","source":"/","type":"webhook.received"}';
  for (const type of ['\xa0application/cloudevents+json', 'application/cloudevents+json\xa0']) {
    assert.strictEqual((await ask(started.socket, { method: 'POST', body, headers: { 'content-type': type } })).json(), 'http.invoke');
  }
});

test('a header in Latin-1 is sent as it is', async (t) => {
  const started = await service(t, { 'index.js': "exports.handler = () => ({ statusCode: 200, headers: { 'x-name': 'café' } });" });
  assert.strictEqual((await ask(started.socket)).headers['x-name'], 'café');
});

test('HEAD takes nothing of a stream, and closes it', async (t) => {
  const code = `exports.handler = () => (function* () { try { for (;;) yield 'x'; } finally { console.log('closed'); } })();`;
  const started = await service(t, { 'index.js': code });
  const answer = await ask(started.socket, { method: 'HEAD' });
  assert.deepStrictEqual([answer.status, answer.text, answer.headers['content-type']], [200, '', 'text/plain; charset=utf-8']);
  await until(() => started.output.includes('closed'), 'the end of the stream');
});

test('a Response that was fetched is handed on decompressed, and says so', async (t) => {
  const zlib = require('node:zlib');
  const origin = http.createServer((_, response) => response.writeHead(200, { 'content-encoding': 'gzip', 'content-type': 'text/plain', 'x-from': 'origin' }).end(zlib.gzipSync('fetched')));
  await new Promise((done) => origin.listen(0, '127.0.0.1', done));
  t.after(() => origin.close());
  const started = await service(t, { 'index.js': `exports.handler = () => fetch('http://127.0.0.1:${origin.address().port}');` });
  const answer = await ask(started.socket);
  assert.deepStrictEqual([answer.text, answer.headers['content-encoding'], answer.headers['x-from']], ['fetched', undefined, 'origin']);
});

test('a run that failed is answered once, whatever its handler returns later', async (t) => {
  const code = `exports.handler = async () => {
    Promise.reject(new Error('first'));
    await new Promise((done) => setTimeout(done, 20));
    return (function* () { try { yield 'second'; } finally { console.log('closed'); } })();
  };`;
  const started = await service(t, { 'index.js': code });
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  assert.strictEqual((await ask(started.socket, { agent })).json().error.message, 'first');
  assert.strictEqual((await ask(started.socket, { agent })).json().error.message, 'first');
  agent.destroy();
});

test('the template answers', async (t) => {
  const code = fs.readFileSync(path.join(__dirname, 'template', 'index.js'), 'utf8');
  const started = await service(t, { 'index.js': code });
  assert.deepStrictEqual((await ask(started.socket, { path: '/?name=Ada' })).json(), { message: 'Hello, Ada!' });
});

test('a probe is answered without the handler, unless the process is stuck', async (t) => {
  const { socket } = await service(t, { 'index.js': 'exports.handler = (event) => { if (event.data === "loop") for (;;); return "called"; };' });
  const probe = () => ask(socket, { method: 'OPTIONS', path: '*', headers: { 'x-eventflow-probe': '1' } });
  const answer = await probe();
  assert.deepStrictEqual([answer.status, answer.text], [204, '']);
  ask(socket, { method: 'POST', body: 'loop', headers: { 'content-type': 'text/plain' } }).catch(() => {});
  const late = new Promise((done) => setTimeout(done, 500, 'silence'));
  assert.strictEqual(await Promise.race([late, probe().catch((error) => error)]), 'silence');
});
