const http = require("node:http");
http.createServer((request, response) => response.end("Hello from 4242")).listen(4242, () => console.log("Node server listening on port 4242!"));
