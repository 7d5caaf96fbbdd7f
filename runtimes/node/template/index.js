// `event` is a CloudEvent: { id, source, type, time, subject, datacontenttype, data }.
// For an HTTP call its type is `http.invoke`, and event.http is { method, path, query, headers }.
// `context` is { function, namespace, version, runId, attempt, deadline, signal }.
exports.handler = async (event, context) => {
  console.log(`${event.type}, attempt ${context.attempt}`);
  const name = event.data?.name ?? event.http?.query.name ?? 'world';
  return { message: `Hello, ${name}!` };
};
