'use strict';
// Handlers of AWS Lambda, in the shapes that its documentation shows.

const assert = require('node:assert');
const { test } = require('node:test');

const { RUN, job, refusal, said, service } = require('./testing.cjs');

const lambda = (t, code, { name = 'index.js', handler = 'index.handler', files = {}, ...options } = {}) =>
  service(t, 'aws-lambda', { [name]: code, ...files }, handler, options);
const echo = 'exports.handler = async (event) => ({ statusCode: 200, headers: { "Content-Type": "application/json" }, body: JSON.stringify(event) });';

test('a handler gets the second version of the payload, as an HTTP API sends it', async (t) => {
  const started = await lambda(t, echo);
  const headers = { cookie: 'a=1; b=2', 'x-forwarded-for': '203.0.113.9, 10.0.0.1', 'content-type': 'application/json' };
  const event = (await started.call('/pets/7?tag=a&tag=b&q=x%20y', { body: '{"n":1}', headers })).json();
  assert.strictEqual(event.version, '2.0');
  assert.deepStrictEqual([event.routeKey, event.rawPath, event.rawQueryString], ['$default', '/pets/7', 'tag=a&tag=b&q=x%20y']);
  assert.deepStrictEqual(event.queryStringParameters, { tag: 'a,b', q: 'x y' });
  assert.deepStrictEqual(event.cookies, ['a=1', 'b=2']);
  assert.strictEqual(event.headers.cookie, undefined);
  assert.deepStrictEqual([event.body, event.isBase64Encoded], ['{"n":1}', false]);
  const { http, requestId, timeEpoch, time } = event.requestContext;
  assert.deepStrictEqual([http.method, http.path, http.sourceIp, requestId], ['POST', '/pets/7', '203.0.113.9', RUN]);
  assert.ok(timeEpoch > 1.7e12 && /^\d\d\/\w{3}\/\d{4}:\d\d:\d\d:\d\d \+0000$/.test(time), time);
});

test('a binary body comes in base64, and one that is compressed, too', async (t) => {
  const started = await lambda(t, echo);
  const bytes = Buffer.from([0xff, 0x00, 0xd8]);
  const event = (await started.call('/', { body: bytes, headers: { 'content-type': 'image/png' } })).json();
  assert.deepStrictEqual([event.isBase64Encoded, event.body], [true, bytes.toString('base64')]);
});

test('serverless.yml and template.yaml say which version, and which route', async (t) => {
  const serverless = `
service: users # a comment
functions:
  other:
    handler: other.handler
    events:
      - httpApi: 'GET /other'
  get:
    handler: src/users.get
    events:
      - http:
          path: users/{id}
          method: get
`;
  const first = await lambda(t, echo.replace('handler', 'get'), { name: 'src/users.js', handler: 'src/users.get', files: { 'serverless.yml': serverless } });
  const event = (await first.call('/users/a%20b?x=1&x=2', { headers: { 'x-token': 't' } })).json();
  assert.deepStrictEqual([event.version, event.httpMethod, event.path, event.resource], ['1.0', 'GET', '/users/a%20b', '/users/{id}']);
  assert.deepStrictEqual(event.pathParameters, { id: 'a b' });
  assert.deepStrictEqual([event.queryStringParameters, event.multiValueQueryStringParameters], [{ x: '2' }, { x: ['1', '2'] }]);
  assert.deepStrictEqual([event.headers['X-Token'], event.multiValueHeaders['X-Token'], event.body], ['t', ['t'], null]);

  const template = `
Resources:
  Users:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: hello/
      Handler: app.lambdaHandler
      Events:
        Get:
          Type: HttpApi
          Properties:
            Path: /users/{proxy+}
            Method: ANY
`;
  const second = await lambda(t, echo.replace('handler', 'lambdaHandler'), { name: 'hello/app.js', handler: 'hello/app.lambdaHandler', files: { 'template.yaml': template } });
  const other = (await second.call('/users/a/b')).json();
  assert.deepStrictEqual([other.version, other.routeKey, other.pathParameters], ['2.0', 'ANY /users/{proxy+}', { proxy: 'a/b' }]);
});

test('headers of the first version are found in any case, and the manifest can ask for it', async (t) => {
  const code = 'exports.handler = async ({ headers }) => ({ statusCode: 200, body: [headers["Content-Type"], headers["content-type"], Object.keys(headers).includes("content-type")].join() });';
  const started = await lambda(t, code, { env: { LAMBDA_PAYLOAD_VERSION: '1.0' } });
  assert.strictEqual((await started.call('/', { json: {} })).text, 'application/json,application/json,false');
  assert.match(await refusal(t, 'aws-lambda', { 'index.js': code }, 'index.handler', { env: { LAMBDA_PAYLOAD_VERSION: '3' } }), /LAMBDA_PAYLOAD_VERSION is "3"/);
});

test('answers: multi-value headers, cookies, base64, a status as text, and what is no whole answer', async (t) => {
  const code = `exports.handler = async (event) => ({
    '/multi': { statusCode: 201, multiValueHeaders: { 'X-Many': ['a', 'b'] }, cookies: ['c=1; Path=/', 'd=2'], body: 'made' },
    '/bytes': { statusCode: 200, headers: { 'content-type': 'image/png' }, isBase64Encoded: true, body: 'AP8=' },
    '/text': { statusCode: '404', body: 'gone' },
    '/plain': 'just text',
    '/object': { message: 'no status' },
  })[event.rawPath];`;
  const started = await lambda(t, code);
  const multi = await started.call('/multi');
  assert.deepStrictEqual([multi.status, multi.headers['x-many'], multi.headers['set-cookie'], multi.text], [201, 'a, b', ['c=1; Path=/', 'd=2'], 'made']);
  const bytes = await started.call('/bytes');
  assert.deepStrictEqual([bytes.headers['content-type'], [...bytes.bytes]], ['image/png', [0, 255]]);
  assert.deepStrictEqual([(await started.call('/text')).status, (await started.call('/plain')).text], [404, 'just text']);
  assert.deepStrictEqual((await started.call('/object')).json(), { message: 'no status' });
});

test('a handler answers by callback or by the context, now or later', async (t) => {
  const code = `
    exports.handler = (event, context, callback) => { setTimeout(() => callback(event.rawPath === '/bad' ? 'no luck' : null, { statusCode: 200, body: 'called back' }), 5); };
    exports.old = (event, context) => { setTimeout(() => context.succeed({ statusCode: 200, body: 'succeeded' }), 5); };`;
  const started = await lambda(t, code);
  assert.strictEqual((await started.call('/')).text, 'called back');
  const failed = await started.call('/bad');
  assert.deepStrictEqual([failed.status, failed.json().error.message], [500, 'no luck']);
  const old = await lambda(t, code, { handler: 'index.old' });
  assert.strictEqual((await old.call('/')).text, 'succeeded');
});

test('the context says what is true here, and names what is not there', async (t) => {
  const code = `exports.handler = async (event, context) => {
    if (event.rawPath === '/identity') return context.clientContext.client;
    return { left: context.getRemainingTimeInMillis(), id: context.awsRequestId, name: context.functionName, memory: context.memoryLimitInMB, env: process.env.AWS_LAMBDA_FUNCTION_NAME, arn: context.invokedFunctionArn, keys: Object.keys(JSON.parse(JSON.stringify(context))).length > 4 };
  };`;
  const started = await lambda(t, code, { env: { EVENTFLOW_MEMORY_MB: '256' } });
  const deadline = new Date(Date.now() + 60_000).toISOString();
  const { left, ...rest } = (await started.call('/', { deadline })).json();
  assert.ok(left > 0 && left <= 60_000, String(left));
  assert.deepStrictEqual(rest, { id: RUN, name: 'f', memory: '256', env: 'f', arn: 'arn:eventflow:lambda:local:default:function:f', keys: true });
  const wrong = await started.call('/identity');
  assert.strictEqual(wrong.status, 500);
  assert.match(wrong.json().error.message, /context\.clientContext is not there on EventFlow: no AWS SDK/);
});

test('an event that is no call is handed over as it is, and its result, too', async (t) => {
  const code = 'exports.handler = async (event) => ({ statusCode: 299, type: event.type, data: event.data, http: "httpMethod" in event || "rawPath" in event });';
  const result = await job(t, 'aws-lambda', { 'index.js': code }, 'index.handler', { specversion: '1.0', id: '1', source: '/', type: 'user.registered', data: { n: 1 } });
  assert.deepStrictEqual(result, { statusCode: 299, type: 'user.registered', data: { n: 1 }, http: false });
});

test('serverless-http serves an Express application', async (t) => {
  const code = `const serverless = require('serverless-http');
    const express = require('express');
    const app = express();
    app.use(express.json());
    app.get('/hello/:name', (req, res) => res.cookie('a', '1').cookie('b', '2').status(202).json({ name: req.params.name, q: req.query.q, host: req.get('host') }));
    app.post('/sum', (req, res) => res.send(String(req.body.a + req.body.b)));
    app.get('/bytes', (req, res) => res.type('png').send(Buffer.from([0, 255])));
    module.exports.handler = serverless(app, { binary: ['image/png'] });`;
  const started = await lambda(t, code, { packages: true });
  const hello = await started.call('/hello/Ada?q=1');
  assert.deepStrictEqual([hello.status, hello.json()], [202, { name: 'Ada', q: '1', host: 'example.test' }]);
  assert.deepStrictEqual(hello.headers['set-cookie'], ['a=1; Path=/', 'b=2; Path=/']);
  assert.strictEqual((await started.call('/sum', { json: { a: 1, b: 2 } })).text, '3');
  assert.deepStrictEqual([...(await started.call('/bytes')).bytes], [0, 255]);
  assert.strictEqual((await started.call('/nowhere')).status, 404);
});

test('@vendia/serverless-express serves one, in both versions', async (t) => {
  const code = `const serverlessExpress = require('@vendia/serverless-express');
    const express = require('express');
    const app = express();
    app.use(express.json());
    app.post('/echo', (req, res) => res.set('x-q', req.query.q).json(req.body));
    exports.handler = serverlessExpress({ app });`;
  for (const version of ['1.0', '2.0']) {
    const started = await lambda(t, code, { packages: true, env: { LAMBDA_PAYLOAD_VERSION: version } });
    const answer = await started.call('/echo?q=ä'.replace('ä', '%C3%A4').replace('%C3%A4', 'z'), { json: { version } });
    assert.deepStrictEqual([answer.status, answer.headers['x-q'], answer.json()], [200, 'z', { version }]);
  }
});

test('a handler that streams its answer is sent as it writes', async (t) => {
  const code = `exports.handler = awslambda.streamifyResponse(async (event, responseStream, context) => {
    if (event.rawPath === '/bad') throw new Error('before it began');
    const out = awslambda.HttpResponseStream.from(responseStream, { statusCode: 203, headers: { 'content-type': 'text/plain', 'x-id': context.awsRequestId } });
    out.write('one ');
    await new Promise((done) => setTimeout(done, 10));
    out.end('two');
  });`;
  const started = await lambda(t, code);
  const answer = await started.call('/');
  assert.deepStrictEqual([answer.status, answer.headers['x-id'], answer.text], [203, RUN, 'one two']);
  assert.strictEqual((await started.call('/bad')).json().error.message, 'before it began');
});

test('an export that is not there is named, with those that are', async (t) => {
  const said = await refusal(t, 'aws-lambda', { 'index.js': 'exports.lambdaHandler = () => 1; exports.limit = 3;' }, 'index.handler');
  assert.match(said, /index\.js exports no function "handler"; it exports lambdaHandler \(function\), limit \(number\)/);
});
