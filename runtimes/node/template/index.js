exports.handler = async (event, context) => {
  console.log(`run ${context.runId}: ${event.type}`);
  return { message: 'Hello, world!', data: event.data };
};
