// The conformance function of the node runtime: see ../../conformance.json.
exports.handler = async (event, context) => {
  const path = event.http?.path ?? `/${event.subject ?? 'event'}`;
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
    case '/bad-status':
      return { statusCode: 42 };
    case '/stream':
      return { statusCode: 200, headers: { 'content-type': 'text/plain' }, body: parts() };
    case '/log':
      console.log('one\ntwo');
      process.stdout.write('three');
      console.error('four');
      return 'logged';
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
