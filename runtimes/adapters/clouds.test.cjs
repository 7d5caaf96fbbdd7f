'use strict';
// Google's Functions Framework and Azure Functions, with the packages of both.

const assert = require('node:assert');
const { test } = require('node:test');

const { refusal, said, service } = require('./testing.cjs');

test('Google: functions.http with the framework', async (t) => {
  const code = `const functions = require('@google-cloud/functions-framework');
    functions.http('helloHttp', (req, res) => {
      if (req.path === '/fail') throw new Error('on purpose');
      res.status(201).set('x-raw', String(req.rawBody?.length)).json({ hello: req.query.name || req.body.name, path: req.path });
    });`;
  const started = await service(t, 'google-functions', { 'index.js': code }, 'index.helloHttp', { packages: true });
  assert.deepStrictEqual((await started.call('/x?name=Ada')).json(), { hello: 'Ada', path: '/x' });
  const posted = await started.call('/', { json: { name: 'Bo' } });
  assert.deepStrictEqual([posted.status, posted.headers['x-raw'], posted.json().hello], [201, '13', 'Bo']);
  assert.strictEqual((await started.call('/fail')).status, 500);
  assert.match(await refusal(t, 'google-functions', { 'index.js': code }, 'index.other', { packages: true }), /index\.js neither registers nor exports a function "other"/);
});

test('Google: functions.cloudEvent, by an event and by a call', async (t) => {
  const code = `const functions = require('@google-cloud/functions-framework');
    functions.cloudEvent('onEvent', (event) => { console.log('event ' + event.type + ' ' + JSON.stringify(event.data) + ' ' + event.subject); });`;
  const started = await service(t, 'google-functions', { 'index.js': code }, 'index.onEvent', { packages: true });
  assert.strictEqual((await started.send({ type: 'file.uploaded', subject: 's', data: { n: 1 } })).status, 204);
  await said(started, /event file\.uploaded \{"n":1\} s/);
});

test('Google: an export of (req, res), with the framework and without', async (t) => {
  const code = `exports.hello = (req, res) => {
    if (req.path === '/page') return res.render('page');
    if (req.path === '/gone') return res.sendStatus(410);
    res.set('Access-Control-Allow-Origin', '*').cookie('a', '1', { httpOnly: true }).status(200).send({ name: req.query.name, type: req.get('Content-Type'), body: req.body });
  };`;
  for (const packages of [true, false]) {
    const started = await service(t, 'google-functions', { 'index.js': code }, 'index.hello', { packages });
    const answer = await started.call('/?name=Ada', { json: { a: 1 } });
    assert.deepStrictEqual(answer.json(), { name: 'Ada', type: 'application/json', body: { a: 1 } });
    assert.deepStrictEqual([answer.headers['access-control-allow-origin'], answer.headers['set-cookie']], ['*', ['a=1; Path=/; HttpOnly']]);
    assert.strictEqual((await started.call('/gone')).status, 410);
    if (!packages) assert.match((await started.call('/page')).json().error.message, /res\.render is not there on EventFlow: .*@google-cloud\/functions-framework/);
  }
});

const AZURE = {
  'package.json': { main: 'src/{index.js,functions/*.js}' },
  'host.json': { version: '2.0' },
  'src/index.js': "const { app } = require('@azure/functions'); app.hook.preInvocation((context) => context.invocationContext.log('before ' + context.invocationContext.functionName));",
  'src/functions/hello.js': `const { app } = require('@azure/functions');
    app.http('hello', { methods: ['GET', 'POST'], authLevel: 'anonymous', handler: async (request, context) => {
      context.log('url ' + request.url);
      const name = request.query.get('name') || (await request.text()) || 'world';
      return { status: 201, headers: { 'x-a': '1' }, cookies: [{ name: 'c', value: 'd', httpOnly: true }], body: 'Hello, ' + name + '!' };
    } });`,
  'src/functions/product.js': `const { app, output } = require('@azure/functions');
    const queue = output.storageQueue({ queueName: 'q', connection: 'C' });
    app.http('product', { route: 'products/{category:alpha}/{id:int?}', handler: (request) => ({ jsonBody: { ...request.params } }) });
    app.put('queued', { route: 'queued', extraOutputs: [queue], handler: (request, context) => { context.extraOutputs.set(queue, 'x'); return { body: 'sent' }; } });
    app.timer('tick', { schedule: '0 */5 * * * *', handler: (timer, context) => context.log('tick ' + timer.isPastDue) });`,
};

test('Azure: functions of @azure/functions, by their routes', async (t) => {
  const started = await service(t, 'azure-functions', AZURE, 'src/functions/hello.hello', { packages: true });
  const answer = await started.call('/api/hello?name=Ada');
  assert.deepStrictEqual([answer.status, answer.headers['x-a'], answer.headers['set-cookie'], answer.text], [201, '1', ['c=d; HttpOnly'], 'Hello, Ada!']);
  await said(started, /before hello/);
  await said(started, /url http:\/\/example\.test\/api\/hello\?name=Ada/);
  assert.strictEqual((await started.call('/', { body: 'Bo' })).text, 'Hello, Bo!');
  assert.deepStrictEqual((await started.call('/api/products/books/7')).json(), { category: 'books', id: '7' });
  assert.deepStrictEqual((await started.call('/api/products/books')).json(), { category: 'books' });
  assert.strictEqual((await started.call('/api/hello', { method: 'DELETE' })).status, 404);
});

test('Azure: a timer hears the clock; a binding that is not there is named', async (t) => {
  const started = await service(t, 'azure-functions', AZURE, 'src/functions/hello.hello', { packages: true });
  assert.strictEqual((await started.send({ type: 'schedule.triggered', data: { cron: '0 */5 * * * *' } })).status, 200);
  await said(started, /tick false/);
  assert.match((await started.call('/api/queued', { method: 'PUT' })).json().error.message, /the output binding "[^"]+" is not there on EventFlow: queue is a service of Azure/);
  assert.match((await started.send({ type: 'file.uploaded', data: {} })).json().error.message, /a trigger for events of the type "file\.uploaded" is not there/);
  const none = { 'index.js': "require('@azure/functions');" };
  assert.match(await refusal(t, 'azure-functions', none, 'index.hello', { packages: true }), /index\.js registers no function: app\.http/);
});

test('Azure: a stream, when the function has asked for streams', async (t) => {
  const code = `const { app } = require('@azure/functions');
    app.setup({ enableHttpStream: true });
    app.http('up', { methods: ['POST'], handler: async (request) => {
      let size = 0;
      for await (const part of request.body) size += part.length;
      return { headers: { 'x-size': String(size) }, body: new ReadableStream({ start(out) { out.enqueue('a'); out.enqueue('b'); out.close(); } }) };
    } });`;
  const started = await service(t, 'azure-functions', { 'index.js': code }, 'index.up', { packages: true });
  const answer = await started.call('/api/up', { body: 'x'.repeat(1000) });
  assert.deepStrictEqual([answer.status, answer.headers['x-size'], answer.text], [200, '1000', 'ab']);
});
