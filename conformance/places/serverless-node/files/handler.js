exports.hello = async (event) => ({
  statusCode: 200,
  body: JSON.stringify({ message: "Hello from serverless.yml", method: event.requestContext.http.method }),
});
