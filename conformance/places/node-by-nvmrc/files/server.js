require('node:http').createServer((req, res) => res.end('runs on ' + process.version)).listen(process.env.PORT);
