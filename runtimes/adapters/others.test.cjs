'use strict';
// OpenFaaS, OpenWhisk (and DigitalOcean), Nuclio, Appwrite, Knative and Fn, in the shapes that their documentation shows.

const assert = require('node:assert');
const { test } = require('node:test');

const { RUN, refusal, said, service } = require('./testing.cjs');

test('OpenFaaS: (event, context), with status, headers, succeed and fail', async (t) => {
  const code = `module.exports = async (event, context) => {
    if (event.path === '/fail') return context.status(409).fail('taken');
    if (event.path === '/throw') throw new Error('on purpose');
    if (event.path === '/plain') return { body: event.body, method: event.method };
    return context.status(202).headers({ 'content-type': 'application/json', 'x-q': event.query.q }).succeed({ body: event.body });
  };`;
  const started = await service(t, 'openfaas', { 'hello/handler.js': code }, 'hello/handler.default');
  const answer = await started.call('/?q=1', { json: { a: 1 } });
  assert.deepStrictEqual([answer.status, answer.headers['x-q'], answer.json()], [202, '1', { body: { a: 1 } }]);
  assert.deepStrictEqual((await started.call('/plain', { body: 'text' })).json(), { body: 'text', method: 'POST' });
  const failed = await started.call('/fail');
  assert.deepStrictEqual([failed.status, failed.text], [409, 'taken']);
  assert.deepStrictEqual([(await started.call('/throw')).status, (await started.call('/throw')).text], [500, 'Error: on purpose']);
  const callback = await service(t, 'openfaas', { 'handler.js': 'module.exports = (event, context, callback) => { setTimeout(callback, 5, undefined, "called " + event.body); };' }, 'handler.default');
  assert.strictEqual((await callback.call('/', { body: 'back' })).text, 'called back');
});

test('OpenWhisk and DigitalOcean: main(args), exported or not', async (t) => {
  const code = `function main(args) {
    if (args.error) return { error: { statusCode: 422, body: 'no' } };
    if (args.image) return { headers: { 'content-type': 'image/png' }, body: 'AP8=' };
    if (args.go) return { headers: { location: '/x' }, statusCode: 302 };
    return { statusCode: 200, headers: { 'x-method': args.__ow_method, 'x-http': args.http.method + args.http.path }, body: { hello: args.name, n: args.n, token: args.__ow_headers['x-token'] } };
  }`;
  const started = await service(t, 'openwhisk', { 'packages/sample/hello.js': code }, 'packages/sample/hello.main');
  const answer = await started.call('/path?name=Ada', { json: { n: 1 }, headers: { 'x-token': 't' } });
  assert.deepStrictEqual(answer.json(), { hello: 'Ada', n: 1, token: 't' });
  assert.deepStrictEqual([answer.headers['x-method'], answer.headers['x-http']], ['post', 'POST/path']);
  assert.deepStrictEqual([...(await started.call('/?image=1')).bytes], [0, 255]);
  assert.strictEqual((await started.call('/?go=1')).headers.location, '/x');
  assert.strictEqual((await started.call('/?error=1')).status, 422);

  const module = 'export function main(event, context) { return { body: `${event.name} ${context.functionName} ${context.getRemainingTimeInMillis() > 0}` }; }\nexport const two = (args) => ({ got: args.a });';
  const exported = await service(t, 'openwhisk', { 'main.mjs': module }, 'main.main');
  assert.strictEqual((await exported.call('/?name=Bo')).text, 'Bo f true');
  const two = await service(t, 'openwhisk', { 'main.mjs': module }, 'main.two');
  assert.deepStrictEqual((await two.send({ type: 'file.uploaded', data: { a: 1 } })).json(), { got: 1 });
  assert.match(await refusal(t, 'openwhisk', { 'index.js': 'exports.other = 1;' }, 'index.main'), /index\.js has no function "main"/);
});

test('Nuclio: handler(context, event), with logger, Response and status', async (t) => {
  const code = `exports.initContext = (context) => { context.userData.made = 1; };
    exports.handler = function (context, event) {
      context.logger.infoWith('got', { path: event.path });
      if (event.path === '/status') return context.callback([204, '']);
      if (event.path === '/platform') return context.callback(context.platform.callFunction());
      if (event.path === '/json') return context.callback({ made: context.userData.made, q: event.fields.q });
      setTimeout(() => context.callback(new context.Response('back: ' + event.body.toString(), { 'x-id': event.id }, 'text/plain', 201)), 5);
    };`;
  const started = await service(t, 'nuclio', { 'handler.js': code }, 'handler.handler');
  const answers = await Promise.all(['one', 'two'].map((body) => started.call('/', { body })));
  assert.deepStrictEqual(answers.map(({ status, text }) => [status, text]), [[201, 'back: one'], [201, 'back: two']]);
  assert.strictEqual(answers[0].headers['x-id'], RUN);
  assert.deepStrictEqual((await started.call('/json?q=1')).json(), { made: 1, q: '1' });
  assert.strictEqual((await started.call('/status')).status, 204);
  assert.match((await started.call('/platform')).json().error.message, /context\.platform is not there on EventFlow/);
  await said(started, /got \{"path":"\/json"\}/);
});

test('Appwrite: ({ req, res, log, error })', async (t) => {
  const code = `export default async ({ req, res, log, error }) => {
    log('path', req.path, { q: req.query.q });
    if (req.path === '/empty') return res.empty();
    if (req.path === '/go') return res.redirect('https://example.test/', 303);
    if (req.path === '/bytes') return res.binary(Buffer.from([0, 255]), 200, { 'content-type': 'image/png' });
    if (req.path === '/nothing') return;
    if (req.method === 'GET') return res.text('Hello', 202, { 'x-host': req.host });
    return res.json({ body: req.body, text: req.bodyText.length, url: req.url, scheme: req.scheme, port: req.port });
  };`;
  const started = await service(t, 'appwrite', { 'src/main.mjs': code }, 'src/main.default');
  const text = await started.call('/?q=1');
  assert.deepStrictEqual([text.status, text.text, text.headers['content-type'], text.headers['x-host']], [202, 'Hello', 'text/plain; charset=utf-8', 'example.test']);
  const json = await started.call('/a?b=1', { json: { a: 1 } });
  assert.deepStrictEqual(json.json(), { body: { a: 1 }, text: 7, url: 'http://example.test/a?b=1', scheme: 'http', port: 80 });
  assert.strictEqual((await started.call('/empty')).status, 204);
  assert.deepStrictEqual([(await started.call('/go')).status, (await started.call('/go')).headers.location], [303, 'https://example.test/']);
  assert.deepStrictEqual([...(await started.call('/bytes')).bytes], [0, 255]);
  assert.match((await started.call('/nothing')).json().error.message, /returned nothing: end with `return res\.empty\(\)`/);
  await said(started, /path \/ \{ q: '1' \}/);
});

test('Knative: handle(context, body), and with a CloudEvent', async (t) => {
  const code = `const handle = async (context, body) => {
      if (context.cloudevent) return context.cloudEventResponse({ got: body.data }).id('2').type('answer').source('/f').response();
      context.log.info('method ' + context.method);
      if (context.method === 'GET') return { query: context.query };
      if (body.raw) return 'plain text';
      return { statusCode: 201, headers: { 'x-a': '1' }, body: { body } };
    };
    module.exports = { handle, init: () => console.log('init') };`;
  const started = await service(t, 'knative', { 'index.js': code }, 'index.handle');
  assert.deepStrictEqual((await started.call('/?a=1')).json(), { query: { a: '1' } });
  assert.deepStrictEqual((await started.call('/?cloudevent=1')).json(), { query: { cloudevent: '1' } });
  const posted = await started.call('/', { json: { n: 1 } });
  assert.deepStrictEqual([posted.status, posted.headers['x-a'], posted.json()], [201, '1', { body: { n: 1 } }]);
  assert.strictEqual((await started.call('/', { json: { raw: true } })).text, 'plain text');
  const event = await started.send({ type: 'file.uploaded', data: { n: 1 } });
  assert.deepStrictEqual([event.headers['ce-type'], event.headers['ce-id'], event.json()], ['answer', '2', { got: { n: 1 } }]);
  await said(started, /init[\s\S]*method GET/);
});

test('Fn: a program that calls fdk.handle', async (t) => {
  const code = `const fdk = require('@fnproject/fdk');
    fdk.handle((input, context) => {
      if (input.fail) throw new Error('on purpose');
      if (input.nothing) return undefined;
      const http = context.httpGateway;
      if (http) { http.statusCode = 202; http.setResponseHeader('X-Url', http.requestURL); }
      return { message: 'Hello ' + (input.name || 'World'), call: context.callID, method: http.method, token: http.getHeader('X-Token') };
    });`;
  const started = await service(t, 'fn', { 'func.js': code }, 'func.default', { packages: true });
  const answer = await started.call('/a?b=1', { json: { name: 'Ada' }, headers: { 'x-token': 't' } });
  assert.deepStrictEqual([answer.status, answer.headers['x-url']], [202, 'http://example.test/a?b=1']);
  assert.deepStrictEqual(answer.json(), { message: 'Hello Ada', call: RUN, method: 'POST', token: 't' });
  const failed = await started.call('/', { json: { fail: true } });
  assert.deepStrictEqual([failed.status, failed.json().detail], [502, 'Error: on purpose']);
  // The package itself fails at this, outside of the call.
  assert.strictEqual((await started.call('/', { json: { nothing: true } })).json().error.code, 'function_error');
});

test('an adapter that does not exist is refused', async (t) => {
  for (const name of ['../node/json', 'shared', 'Fetch']) {
    assert.match(await refusal(t, name, { 'index.js': '' }, 'index.handler'), /the adapter ".+" is not one of the runtime node/);
  }
});
