'use strict';
// Handlers of the fetch API, of Vercel and of Netlify, in the shapes that their documentation shows.

const assert = require('node:assert');
const { test } = require('node:test');

const { RUN, job, refusal, said, service } = require('./testing.cjs');

test('fetch: export default { fetch } gets a Request, the environment and a context', async (t) => {
  const code = `export default {
    async fetch(request, env, ctx) {
      const url = new URL(request.url);
      if (url.pathname === '/kv') return new Response(await env.CACHE.get('a'));
      if (url.pathname === '/early') return 'no Response';
      ctx.waitUntil(Promise.reject(new Error('in the background')));
      const headers = new Headers({ 'x-url': request.url });
      headers.append('set-cookie', 'a=1');
      headers.append('set-cookie', 'b=2');
      return new Response(request.method + ' ' + env.GREETING + ' ' + env.MODE + ' ' + (await request.text()), { status: 201, headers });
    },
    async scheduled(controller, env) { console.log('scheduled ' + controller.cron + ' ' + controller.scheduledTime + ' ' + env.MODE); },
  };`;
  const wrangler = 'name = "w"\n[vars]\nGREETING = "hello" # said\n[[kv_namespaces]]\nbinding = "CACHE"\nid = "1"\n';
  const started = await service(t, 'fetch', { 'index.mjs': code, 'wrangler.toml': wrangler }, 'index.default', { env: { MODE: 'test' } });
  const answer = await started.call('/a?b=1', { body: 'body', headers: { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'public.test' } });
  assert.deepStrictEqual([answer.status, answer.text, answer.headers['x-url']], [201, 'POST hello test body', 'https://public.test/a?b=1']);
  assert.deepStrictEqual(answer.headers['set-cookie'], ['a=1', 'b=2']);
  assert.match((await started.call('/kv')).json().error.message, /env\.CACHE is not there on EventFlow: a KV namespace is a service of Cloudflare/);
  assert.match((await started.call('/early')).json().error.message, /it must return a Response/);
  assert.strictEqual((await started.send({ type: 'schedule.triggered', data: { cron: '* * * * *' } })).status, 200);
  await said(started, /scheduled \* \* \* \* \* 1767323045000 test/);
  await said(started, /in the background/);
});

test('fetch: a Hono application, a plain function, exports by method, and a listener', async (t) => {
  const hono = `import { Hono } from 'hono';
    const app = new Hono();
    app.get('/hello/:name', (c) => c.json({ name: c.req.param('name') }));
    export default app;`;
  const app = await service(t, 'fetch', { 'index.mjs': hono }, 'index.default', { packages: true });
  assert.deepStrictEqual((await app.call('/hello/Ada')).json(), { name: 'Ada' });

  const plain = await service(t, 'fetch', { 'index.mjs': 'export default (request) => Response.json({ method: request.method });' }, 'index.default');
  assert.deepStrictEqual((await plain.call('/', { method: 'DELETE' })).json(), { method: 'DELETE' });

  const methods = await service(t, 'fetch', { 'index.mjs': 'export const GET = () => new Response("got"); export function POST() { return new Response(null, { status: 204 }); }' }, 'index.GET');
  assert.strictEqual((await methods.call('/')).text, 'got');

  const listener = await service(t, 'fetch', { 'worker.js': 'addEventListener("fetch", (event) => event.respondWith(new Response("heard " + event.request.method)));' }, 'worker.default');
  assert.strictEqual((await listener.call('/')).text, 'heard GET');
  assert.match(await refusal(t, 'fetch', { 'index.js': 'exports.n = 1;' }, 'index.default'), /index\.js has no `export default \{ fetch \}`/);
  assert.match(await refusal(t, 'fetch', { 'index.mjs': 'import { DurableObject } from "cloudflare:workers"; export default {};' }, 'index.default'), /index\.mjs needs a module of the form "cloudflare:…", which is only there on Cloudflare/);
});

test('fetch: a stream comes part by part, and a job gets the whole of it', async (t) => {
  const code = `export default { fetch: () => new Response(new ReadableStream({ async start(out) {
    for (const part of ['a', 'b']) { out.enqueue(new TextEncoder().encode(part)); await new Promise((done) => setTimeout(done, 5)); }
    out.close();
  } }), { headers: { 'content-type': 'text/event-stream' } }) };`;
  const started = await service(t, 'fetch', { 'index.mjs': code }, 'index.default');
  const answer = await started.call('/');
  assert.deepStrictEqual([answer.text, answer.headers['transfer-encoding']], ['ab', 'chunked']);
  const result = await job(t, 'fetch', { 'index.mjs': code }, 'index.default', { type: 'file.uploaded', id: '1', data: {} });
  assert.deepStrictEqual([result.statusCode, result.body], [200, 'ab']);
});

test('an event that is no call reaches a web handler as a CloudEvent over HTTP', async (t) => {
  const code = 'export default { fetch: async (request) => Response.json({ method: request.method, type: request.headers.get("ce-type"), subject: request.headers.get("ce-subject"), data: await request.json() }) };';
  const started = await service(t, 'fetch', { 'index.mjs': code }, 'index.default');
  const answer = await started.send({ type: 'file.uploaded', subject: 'a ä.txt', data: { size: 3 } });
  assert.deepStrictEqual(answer.json(), { method: 'POST', type: 'file.uploaded', subject: 'a %C3%A4.txt', data: { size: 3 } });
});

test('Vercel: (req, res) with its helpers', async (t) => {
  const code = `module.exports = (req, res) => {
    if (req.url.startsWith('/api/go')) return res.redirect('/elsewhere');
    if (req.url.startsWith('/api/text')) return res.status(418).send('tea');
    if (req.url.startsWith('/api/bytes')) return res.send(Buffer.from([0, 255]));
    if (req.url.startsWith('/api/sse')) { res.writeHead(200, { 'content-type': 'text/event-stream' }); res.write('data: 1\\n\\n'); return setTimeout(() => res.end('data: 2\\n\\n'), 5); }
    if (req.url.startsWith('/api/throw')) throw new Error('on purpose');
    res.setHeader('Set-Cookie', ['a=1', 'b=2']);
    res.status(200).json({ query: req.query, body: req.body, cookies: req.cookies, method: req.method });
  };`;
  const started = await service(t, 'vercel', { 'api/hello.js': code }, 'api/hello.default');
  const answer = await started.call('/api/hello?name=Ada&n=1&n=2', { json: { a: [1] }, headers: { cookie: 'x=%20y; z="q"' } });
  assert.deepStrictEqual(answer.json(), { query: { name: 'Ada', n: ['1', '2'] }, body: { a: [1] }, cookies: { x: ' y', z: 'q' }, method: 'POST' });
  assert.deepStrictEqual(answer.headers['set-cookie'], ['a=1', 'b=2']);
  const form = await started.call('/api/hello', { body: 'a=1&b=x+y', headers: { 'content-type': 'application/x-www-form-urlencoded' } });
  assert.deepStrictEqual(form.json().body, { a: '1', b: 'x y' });
  const moved = await started.call('/api/go');
  assert.deepStrictEqual([moved.status, moved.headers.location], [307, '/elsewhere']);
  const tea = await started.call('/api/text');
  assert.deepStrictEqual([tea.status, tea.text, tea.headers['content-type']], [418, 'tea', 'text/html; charset=utf-8']);
  assert.deepStrictEqual([...(await started.call('/api/bytes')).bytes], [0, 255]);
  assert.strictEqual((await started.call('/api/sse')).text, 'data: 1\n\ndata: 2\n\n');
  assert.strictEqual((await started.call('/api/throw')).json().error.message, 'on purpose');
  const wrong = await started.call('/api/hello', { body: '{', headers: { 'content-type': 'application/json' } });
  assert.deepStrictEqual([wrong.status, wrong.json().error.code], [400, 'bad_request']);
  assert.strictEqual((await started.call('/api/text', { method: 'HEAD' })).status, 418);
});

test('Vercel: exports by method, the Edge runtime, and an Express application', async (t) => {
  const web = 'export function GET(request) { return new Response("hello from " + new URL(request.url).pathname); }';
  const methods = await service(t, 'vercel', { 'api/hello.mjs': web }, 'api/hello.default');
  assert.strictEqual((await methods.call('/api/hello')).text, 'hello from /api/hello');
  assert.strictEqual((await methods.call('/api/hello', { method: 'POST' })).status, 405);

  const edge = 'export const config = { runtime: "edge" }; export default (request) => Response.json({ url: request.url });';
  const light = await service(t, 'vercel', { 'api/edge.mjs': edge }, 'api/edge.default');
  assert.deepStrictEqual((await light.call('/api/edge?a=1')).json(), { url: 'http://example.test/api/edge?a=1' });

  const express = `const express = require('express');
    const app = express();
    app.use(express.json());
    app.post('/api/sum', (req, res) => res.json({ sum: req.body.a + Number(req.query.b) }));
    module.exports = app;`;
  const app = await service(t, 'vercel', { 'api/index.js': express }, 'api/index.default', { packages: true });
  assert.deepStrictEqual((await app.call('/api/sum?b=2', { json: { a: 1 } })).json(), { sum: 3 });
  assert.strictEqual((await app.call('/api/other')).status, 404);
});

test('Vercel: a folder of functions, with what its names leave open', async (t) => {
  const say = (what) => `module.exports = (req, res) => res.json({ file: '${what}', query: req.query });`;
  const files = { 'api/index.js': say('index'), 'api/users/[id].js': say('id'), 'api/users/me.js': say('me'), 'api/docs/[...slug].js': say('slug'), 'api/_lib.js': 'throw new Error("no function")' };
  const started = await service(t, 'vercel', files, 'api.default');
  assert.deepStrictEqual((await started.call('/api/users/7?a=1')).json(), { file: 'id', query: { a: '1', id: '7' } });
  assert.deepStrictEqual((await started.call('/api/users/me')).json(), { file: 'me', query: {} });
  assert.deepStrictEqual((await started.call('/api/docs/a/b')).json(), { file: 'slug', query: { slug: ['a', 'b'] } });
  assert.deepStrictEqual((await started.call('/api')).json(), { file: 'index', query: {} });
  assert.strictEqual((await started.call('/api/_lib')).status, 404);
});

test('Vercel: redirects and rewrites of vercel.json', async (t) => {
  const say = (what) => `module.exports = (req, res) => res.json({ file: '${what}', query: req.query, url: req.url });`;
  const vercel = {
    redirects: [{ source: '/old/:id', destination: '/api/users?id=:id' }, { source: '/gone', destination: 'https://example.com/', permanent: false }],
    rewrites: [
      { source: '/:id(\\d+)', destination: '/api/users' },
      { source: '/with', destination: '/api/users', has: [{ type: 'header', key: 'x' }] },
      { source: '/u/:name', destination: '/api/users?user=:name' },
      { source: '/(.*)', destination: '/api/index.js?rest=$1' },
    ],
  };
  const files = { 'api/index.js': say('index'), 'api/users.js': say('users'), 'vercel.json': vercel };
  const started = await service(t, 'vercel', files, 'api.default');
  assert.deepStrictEqual((await started.call('/u/ada?a=1')).json(), { file: 'users', query: { a: '1', user: 'ada' }, url: '/u/ada?a=1' });
  assert.deepStrictEqual((await started.call('/any/thing')).json(), { file: 'index', query: { rest: 'any/thing' }, url: '/any/thing' });
  assert.deepStrictEqual((await started.call('/api/users')).json(), { file: 'users', query: {}, url: '/api/users' });
  const moved = await started.call('/old/7?x=1');
  assert.deepStrictEqual([moved.status, moved.headers.location], [308, '/api/users?id=7']);
  const gone = await started.call('/gone?x=1');
  assert.deepStrictEqual([gone.status, gone.headers.location], [307, 'https://example.com/?x=1']);
  assert.match(started.output, /left out: rewrites of vercel\.json, \/:id\(.*its pattern is not understood/);
  assert.match(started.output, /left out: rewrites of vercel\.json, \/with: its conditions/);
  const one = await service(t, 'vercel', { 'api/index.js': say('index'), 'vercel.json': vercel }, 'api/index.default');
  assert.deepStrictEqual((await one.call('/u/ada')).json(), { file: 'index', query: { user: 'ada' }, url: '/u/ada' });
});

test('a function of (req, res) can be a job', async (t) => {
  const code = 'module.exports = (req, res) => res.status(201).json({ type: req.headers["ce-type"], body: req.body });';
  const result = await job(t, 'vercel', { 'api/hello.js': code }, 'api/hello.default', { specversion: '1.0', type: 'file.uploaded', id: '1', source: '/', data: { a: 1 } });
  assert.deepStrictEqual([result.statusCode, JSON.parse(result.body)], [201, { type: 'file.uploaded', body: { a: 1 } }]);
  assert.deepStrictEqual(result.headers, { 'content-type': 'application/json; charset=utf-8' });
});

test('Netlify: the second version, with its context', async (t) => {
  const code = `export default async (request, context) => {
    if (context.params.id === 'geo') return new Response(context.geo.city);
    context.cookies.set('seen', 'yes');
    return Response.json({ id: context.params.id, ip: context.ip, requestId: context.requestId, cookie: context.cookies.get('a'), env: Netlify.env.get('MODE'), method: request.method });
  };
  export const config = { path: '/items/:id', method: ['GET', 'POST'] };`;
  const started = await service(t, 'netlify', { 'netlify/functions/items.mjs': code }, 'netlify/functions/items.default', { env: { MODE: 'test' } });
  const answer = await started.call('/items/7', { headers: { cookie: 'a=b', 'x-forwarded-for': '203.0.113.9' } });
  assert.deepStrictEqual(answer.json(), { id: '7', ip: '203.0.113.9', requestId: RUN, cookie: 'b', env: 'test', method: 'GET' });
  assert.deepStrictEqual(answer.headers['set-cookie'], ['seen=yes; Path=/']);
  assert.strictEqual((await started.call('/items/7', { method: 'DELETE' })).status, 405);
  assert.match((await started.call('/items/geo')).json().error.message, /context\.geo is not there on EventFlow/);
});

test('Netlify: redirects of netlify.toml and _redirects', async (t) => {
  const toml = `[build]
  functions = "netlify/functions"
[[redirects]]
  from = "/api/*" # all of them
  to = "/.netlify/functions/:splat"
  status = 200
[[redirects]]
  from = "/home"
  to = "/elsewhere"
[redirects.headers]
  from = "none of it"
`;
  const files = {
    'netlify/functions/hello.mjs': 'export default async (request) => new Response("hello " + new URL(request.url).pathname);',
    'netlify.toml': toml,
    _redirects: '/short /.netlify/functions/hello 200!\n/far https://example.com/:splat 302\n/lang /de 302 Language=de\n',
  };
  const started = await service(t, 'netlify', files, 'netlify/functions.default');
  assert.strictEqual((await started.call('/api/hello')).text, 'hello /api/hello');
  assert.strictEqual((await started.call('/short')).text, 'hello /short');
  const home = await started.call('/home');
  assert.deepStrictEqual([home.status, home.headers.location], [301, '/elsewhere']);
  assert.strictEqual((await started.call('/far')).headers.location, 'https://example.com/');
  assert.strictEqual((await started.call('/lang')).status, 404);
  assert.match(started.output, /left out: _redirects, \/lang: its conditions/);
});

test('Netlify: the first version, and a folder of functions', async (t) => {
  const code = `const { builder } = require('@netlify/functions');
    exports.handler = async (event, context) => ({
      statusCode: 200,
      multiValueHeaders: { 'Set-Cookie': ['a=1', 'b=2'], 'x-user': [String(context.clientContext.user)] },
      body: JSON.stringify({ method: event.httpMethod, path: event.path, query: event.queryStringParameters, body: event.body, url: event.rawUrl }),
    });`;
  const files = { 'netlify/functions/first.js': code, 'netlify/functions/second/index.mjs': 'export default async () => new Response("second");' };
  const started = await service(t, 'netlify', files, 'netlify/functions.handler', { packages: true });
  const answer = await started.call('/.netlify/functions/first?a=1&a=2', { json: { n: 1 } });
  assert.deepStrictEqual(answer.json(), { method: 'POST', path: '/.netlify/functions/first', query: { a: '1, 2' }, body: '{"n":1}', url: 'http://example.test/.netlify/functions/first?a=1&a=2' });
  assert.deepStrictEqual(answer.headers['set-cookie'], ['a=1', 'b=2']);
  assert.strictEqual((await started.call('/.netlify/functions/second')).text, 'second');
  assert.strictEqual((await started.call('/nowhere')).status, 404);
});

test('TypeScript is compiled by the compiler that the function brings, where Node.js cannot run it', async (t) => {
  const files = {
    'api/hello.ts': `import { greet } from '../lib/greet';
      enum Mode { Loud = 'LOUD' }
      export default function handler(req: { query: Record<string, string> }, res: { json(value: unknown): void }) { res.json({ text: greet(req.query.name), mode: Mode.Loud }); }`,
    'lib/greet.ts': 'export const greet = (name: string): string => `Hello, ${name}`;',
  };
  const started = await service(t, 'vercel', files, 'api/hello.default', { packages: true });
  assert.deepStrictEqual((await started.call('/api/hello?name=Ada')).json(), { text: 'Hello, Ada', mode: 'LOUD' });
});
