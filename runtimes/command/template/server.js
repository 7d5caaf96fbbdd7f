// Any program that listens on $PORT; this one happens to be Node's. An event arrives as a POST of the type
// application/cloudevents+json: { specversion, id, source, type, time, data }.
const { createServer } = require('node:http');

const server = createServer((request, response) => {
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    const body = Buffer.concat(chunks).toString();
    let name = new URL(request.url, 'http://localhost').searchParams.get('name') ?? 'world';
    if (request.headers['content-type']?.startsWith('application/cloudevents+json')) {
      const event = JSON.parse(body);
      console.log(`got the event ${event.type}`);
      name = event.data?.name ?? name;
    } else {
      console.log(`${request.method} ${request.url}`);
    }
    response.setHeader('content-type', 'application/json');
    response.end(JSON.stringify({ message: `Hello, ${name}!` }));
  });
});

server.listen(Number(process.env.PORT), '127.0.0.1');
process.on('SIGTERM', () => server.close());
