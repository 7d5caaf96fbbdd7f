// The conformance function of the node runtime: see ../../conformance.json.
const { results, uncaught } = require('./results.js');

exports.handler = async (event, context) => {
  const path = event.http?.path ?? `/${event.subject ?? 'event'}`;
  if (Object.hasOwn(results, path)) return results[path]();
  switch (path) {
    case '/status':
      return { statusCode: 418, headers: { 'X-Kind': 'teapot' }, body: 'short and stout' };
    case '/object':
      return { statusCode: 201, body: { made: true } };
    case '/empty':
      return { statusCode: 204 };
    case '/nothing':
      return undefined;
    case '/throw':
      throw new Error('it broke');
    case '/throw/nothing':
      throw Object.create(null);
    case '/bad-status':
      return { statusCode: 42 };
    case '/stream':
      return { statusCode: 200, headers: { 'content-type': 'text/plain' }, body: parts() };
    case '/log':
      console.log('one\ntwo');
      process.stdout.write('three');
      console.error('four');
      return 'logged';
    case '/log/bytes':
      for (const byte of Buffer.from('ä€😀 is whole\nand ü too')) process.stdout.write(Buffer.of(byte));
      return 'logged';
    case '/raw':
      return { data: event.data, base64: event.data_base64, raw: event.http.rawBody.toString('base64'), isBuffer: Buffer.isBuffer(event.http.rawBody), json: JSON.stringify(event).includes('rawBody') };
    case '/uncaught/rejection':
    case '/uncaught/timer':
      return uncaught(path);
    case '/uncaught/late':
      setTimeout(() => {
        throw new Error('too late to matter');
      }, 1);
      return 'answered';
    case '/end':
      process.stdout.write('last words');
      return process.exit(3);
    case '/wait':
      return new Promise(() => {});
    case '/context':
      return {
        function: context.function,
        namespace: context.namespace,
        version: context.version,
        runId: context.runId,
        attempt: context.attempt,
        deadline: context.deadline,
        aborted: context.signal.aborted,
      };
    default:
      return event;
  }
};

async function* parts() {
  for (const part of ['first ', 'second ', 'third']) {
    await new Promise((done) => setTimeout(done, 1));
    yield part;
  }
}
