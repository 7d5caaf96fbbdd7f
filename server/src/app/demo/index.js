// The demo function: greets whoever calls, and tells of every event whose type begins with `demo`.
exports.handler = async (event, context) => {
  if (event.type === "http.invoke") {
    const name = event.http.query.name ?? "world";
    return { message: `Hello, ${name}!`, function: context.function, version: context.version };
  }
  console.log(`${event.type} came from ${event.source}: ${JSON.stringify(event.data)}`);
  return { received: event.id };
};
