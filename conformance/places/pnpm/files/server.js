const isNumber = require("is-number");
require("node:http")
  .createServer((request, response) => response.end(`Hello, ${isNumber("7")}`))
  .listen(process.env.PORT || 3000);
