// What handlers may return, by path, and what they may not.

function* numbered() {
  yield { n: 1 };
  yield { n: 2 };
}

async function* words() {
  yield 'first ';
  yield 'second ';
}

const circular = { items: [] };
circular.items.push({ again: circular });

let deep = [];
for (let level = 0; level < 20_000; level += 1) deep = [deep];

class Answer {
  statusCode = 202;
  body = 'of a class';
}

class Point {
  constructor(x, y) {
    this.x = x;
    this.y = y;
  }
}

exports.results = {
  '/result/bytes': () => Buffer.of(0, 255, 254),
  '/result/array-buffer': () => new Uint8Array([0, 255, 254]).buffer,
  '/result/bytes-inside': () => ({ of: Buffer.of(0, 255), numbers: new Float32Array([1, 0.5]) }),
  '/result/date': () => ({ at: new Date(0) }),
  '/result/set': () => new Set([1, 2]),
  '/result/table': () => new Map([['a', new Map([[2, true]])]]),
  '/result/class': () => new Point(1, new Point(2, 3)),
  '/result/error': () => ({ reason: Object.assign(new TypeError('no'), { code: 7 }) }),
  '/result/generator': () => numbered(),
  '/result/async-generator': () => words(),
  '/result/no-parts': () => [][Symbol.iterator](),
  '/result/bytes-generator': () => [Buffer.of(0), Buffer.of(255)].values(),
  '/result/broken-generator': () => (function* () { throw new Error('no first part'); })(),
  '/result/response': () => new Response('made by fetch', { status: 202, headers: [['x-kind', 'response'], ['set-cookie', 'a=1'], ['set-cookie', 'b=2']] }),
  '/result/stream': () => new Response('of the web').body,
  '/result/blob': () => new Blob(['<p>'], { type: 'text/html' }),
  '/result/file': () => ({ statusCode: 200, headers: { 'content-type': 'text/plain' }, body: require('node:stream').Readable.from(['read ', 'from a file']) }),
  '/body/set': () => ({ statusCode: 200, body: new Set([1]) }),
  '/body/form': () => ({ statusCode: 200, body: new URLSearchParams({ a: '1 2' }) }),
  '/result/nan': () => ({ a: [1, NaN] }),
  '/result/infinity': () => ({ statusCode: 200, body: { 'a b': -Infinity } }),
  '/result/invalid-date': () => ({ at: new Date('no') }),
  '/result/bigint': () => ({ big: 1n }),
  '/result/symbol': () => [Symbol('s')],
  '/result/unknown': () => () => 1,
  '/result/shell': () => ({ inner: new WeakMap() }),
  '/result/circular': () => circular,
  '/result/deep': () => deep,
  '/result/not-awaited': () => ({ later: Promise.resolve(1) }),
  '/result/generator-inside': () => ({ items: numbered() }),
  '/result/odd-key': () => new Map([[{}, 1]]),
  '/result/answer': () => new Answer(),
  '/aws/base64': () => ({ statusCode: 200, isBase64Encoded: true, headers: { 'content-type': 'image/png' }, body: 'AP/+' }),
  '/aws/not-base64': () => ({ statusCode: 200, isBase64Encoded: true, body: 'no base64!' }),
  '/aws/multi-value-headers': () => ({ statusCode: 200, headers: { 'X-One': 'a', 'X-Two': 'b' }, multiValueHeaders: { 'X-One': ['a', 'c'], 'Set-Cookie': ['a=1', 'b=2'] }, body: '' }),
  '/aws/cookies': () => ({ statusCode: 200, cookies: ['a=1; Path=/', 'b=2'], body: '' }),
  '/header/list': () => ({ statusCode: 200, headers: { 'set-cookie': ['a=1', 'b=2'], 'x-number': 7, 'x-none': null, 'Content-Length': '1' }, body: 'whole' }),
  '/header/unicode': () => ({ statusCode: 200, headers: { 'x-title': 'and so on …' } }),
  '/header/line-break': () => ({ statusCode: 200, headers: { 'x-title': 'a\r\nset-cookie: admin=1' } }),
  '/header/control': () => ({ statusCode: 200, headers: { 'x-title': 'a\0b' } }),
  '/header/name': () => ({ statusCode: 200, headers: { 'x title': 'a' } }),
  '/header/object': () => ({ statusCode: 200, headers: { 'x-title': {} } }),
};

/** Errors that nobody catches, while the handler still waits. */
exports.uncaught = (path) =>
  new Promise(() => {
    if (path === '/uncaught/rejection') Promise.reject(new Error('nobody caught it'));
    else setTimeout(() => { throw new Error('nobody caught it'); }, 1);
  });
