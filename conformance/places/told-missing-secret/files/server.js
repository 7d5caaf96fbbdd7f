if (!process.env.STRIPE_SECRET_KEY) throw new Error("STRIPE_SECRET_KEY is required");
require("node:http").createServer((request, response) => response.end("x")).listen(process.env.PORT);
