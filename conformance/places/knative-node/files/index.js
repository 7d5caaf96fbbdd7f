const handle = async (context, body) => {
  context.log.info("called");
  return { body: "Hello from Knative", statusCode: 200 };
};

module.exports = { handle };
