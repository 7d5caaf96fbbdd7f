exports.handler = async (event) => ({ greeting: `Hello, ${event.http.query.name}` });
