'use strict';
// AWS Lambda: `exports.handler = async (event, context)`, also with a callback, behind an API Gateway.

const { PassThrough } = require('node:stream');

const { eventsOf } = require('./shared-aws-files.cjs');
const { matcherOf } = require('./shared-routes.cjs');
const { gatewayEvent } = require('./shared-aws-event.cjs');
const { missing } = require('./shared-missing.cjs');
const { isFromHttp, requestOf, timeLeft } = require('./shared-request.cjs');
const { CannotLoad, pick } = require('../../node/load.cjs');

const { EVENTFLOW_FUNCTION: NAME = 'function', EVENTFLOW_NAMESPACE: NAMESPACE = 'default', EVENTFLOW_VERSION: VERSION = '0' } = process.env;
const STREAMED = Symbol('streams its answer');

/** What a function finds in its environment on Lambda, as far as it is true here; many look whether the first is there. */
function prepare({ name }) {
  const env = {
    AWS_LAMBDA_FUNCTION_NAME: NAME,
    AWS_LAMBDA_FUNCTION_VERSION: VERSION,
    AWS_LAMBDA_LOG_GROUP_NAME: `/eventflow/${NAMESPACE}/${NAME}`,
    AWS_LAMBDA_LOG_STREAM_NAME: `${VERSION}/${process.pid}`,
    LAMBDA_TASK_ROOT: process.cwd(),
    _HANDLER: name,
  };
  if (process.env.EVENTFLOW_MEMORY_MB) env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE = process.env.EVENTFLOW_MEMORY_MB;
  for (const [key, value] of Object.entries(env)) process.env[key] ??= value;
  // Lambda's own name for handlers that stream their answer.
  globalThis.awslambda ??= {
    streamifyResponse: (handler) => Object.assign((...all) => handler(...all), { [STREAMED]: true }),
    HttpResponseStream: { from: (stream, head) => (stream.setHead(head), stream) },
  };
}

function adapt({ exported, wanted, name, shown }) {
  const handler = pick(exported, wanted);
  if (typeof handler !== 'function') throw new CannotLoad(`${shown} exports no function "${wanted}"`);
  const { version, routes } = eventsOf(name);
  const format = payloadVersion(version);
  const match = matcherOf(routes);
  return async (event, context) => {
    const isHttp = isFromHttp(event);
    const request = isHttp ? requestOf(event) : undefined;
    const given = isHttp ? gatewayEvent(request, format, match(request.method, request.path), context) : event;
    const own = contextOf(context);
    if (handler[STREAMED]) return streamed(handler, given, own);
    const result = await called(handler, given, own);
    return isHttp ? answerOf(result, format) : result;
  };
}

/** Which of API Gateway's two shapes: what `LAMBDA_PAYLOAD_VERSION` says, else what the project's files say. */
function payloadVersion(declared) {
  const wish = process.env.LAMBDA_PAYLOAD_VERSION;
  if (wish === undefined || wish === '') return declared ?? '2.0';
  if (wish !== '1.0' && wish !== '2.0') throw new CannotLoad(`LAMBDA_PAYLOAD_VERSION is "${wish}": it must be 1.0 or 2.0`);
  return wish;
}

function contextOf(context) {
  const own = {
    callbackWaitsForEmptyEventLoop: true,
    functionName: NAME,
    functionVersion: VERSION,
    // Of the shape of an ARN, for those who take it apart; its partition says that it is none of AWS'.
    invokedFunctionArn: `arn:eventflow:lambda:local:${NAMESPACE}:function:${NAME}`,
    memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    awsRequestId: context.runId,
    logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
    getRemainingTimeInMillis: () => timeLeft(context),
  };
  return missing(own, 'context.', {
    identity: 'there is no Amazon Cognito in front of the function',
    clientContext: 'no AWS SDK for mobile apps calls the function',
  });
}

/** Calls a handler that may answer by promise, by callback, or by the context. */
function called(handler, event, context) {
  return new Promise((resolve, reject) => {
    const callback = (error, result) => {
      if (error === null || error === undefined) resolve(result);
      else reject(typeof error === 'object' ? error : new Error(String(error)));
    };
    context.done = callback;
    context.succeed = (result) => callback(null, result);
    context.fail = (error) => callback(error ?? new Error('the handler called context.fail'));
    const returned = handler(event, context, callback);
    if (typeof returned?.then === 'function') returned.then(resolve, reject);
    else if (!answersLater(handler, returned)) resolve(returned);
  });
}

/** Lambda waits until nothing is left to do; a server that others call as well cannot know when that is. */
function answersLater(handler, returned) {
  return handler.length > 2 || typeof returned?.promise?.then === 'function' || /\b(succeed|done|fail)\b/.test(Function.prototype.toString.call(handler));
}

/** The answer as the gateway would make it of a result that says less than a whole answer. */
function answerOf(result, format) {
  if (typeof result === 'string' && format === '2.0') return { statusCode: 200, headers: { 'content-type': 'application/json' }, body: result };
  if (typeof result !== 'object' || result === null) return result;
  const { statusCode } = result;
  if (typeof statusCode === 'string' && /^\d{3}$/.test(statusCode)) return answerOf({ ...result, statusCode: Number(statusCode) }, format);
  if (format === '2.0' || typeof result.body !== 'string') return result;
  // What has no type is JSON to the first version.
  const names = [...Object.keys(result.headers ?? {}), ...Object.keys(result.multiValueHeaders ?? {})];
  const isTyped = names.some((name) => name.toLowerCase() === 'content-type');
  return { ...result, statusCode: statusCode ?? 200, headers: isTyped ? result.headers : { ...result.headers, 'content-type': 'application/json' } };
}

/** What the handler writes to the stream is sent as it comes; its head is what it said before the first part. */
class ResponseStream extends PassThrough {
  constructor(begun) {
    super();
    this.head = { statusCode: 200, headers: { 'content-type': 'application/octet-stream' } };
    this.begun = begun;
  }

  setHead(head) {
    this.head = { statusCode: 200, ...head };
  }

  setContentType(type) {
    this.head.headers = { ...this.head.headers, 'content-type': type };
  }

  _transform(chunk, encoding, done) {
    this.begun();
    super._transform(chunk, encoding, done);
  }

  _flush(done) {
    this.begun();
    done();
  }
}

function streamed(handler, event, context) {
  return new Promise((resolve, reject) => {
    const stream = new ResponseStream(() => resolve({ ...stream.head, body: stream }));
    Promise.resolve()
      .then(() => handler(event, stream, context))
      .catch((error) => {
        reject(error);
        // Who reads it learns that it is broken off; before that nobody does.
        stream.on('error', () => {});
        stream.destroy(error);
      });
  });
}

module.exports = { adapt, prepare };
