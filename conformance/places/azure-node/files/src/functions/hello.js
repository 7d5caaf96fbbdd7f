const { app } = require("@azure/functions");

app.http("hello", {
  methods: ["GET", "POST"],
  authLevel: "anonymous",
  handler: async (request, context) => ({ body: `Hello, ${request.query.get("name") || "world"}!` }),
});
