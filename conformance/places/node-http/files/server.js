const http = require("node:http");
http.createServer((request, response) => response.end("Hello from node:http")).listen(process.env.PORT || 3000);
