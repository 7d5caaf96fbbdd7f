module.exports = (request, response) => response.send("Hello from a");
