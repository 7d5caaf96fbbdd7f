'use strict';
// A request as API Gateway hands it to a Lambda function, in the first and in the second version of its payload.

const { callerOf, isText, originOf, queryOf } = require('./shared-request.cjs');

/** `match` is `{ route: { method, path }, params }` when the project's files declare a route that fits. */
function gatewayEvent(request, format, match, context) {
  return format === '1.0' ? first(request, match, context) : second(request, match, context);
}

function second(request, match, context) {
  const { cookie, ...headers } = request.headers;
  const { host } = originOf(request);
  const now = new Date();
  const routeKey = match === undefined ? '$default' : `${match.route.method === '*' ? 'ANY' : match.route.method} ${match.route.path}`;
  return {
    version: '2.0',
    routeKey,
    rawPath: request.path,
    rawQueryString: request.query,
    ...(cookie === undefined ? {} : { cookies: cookie.split(/;\s*/) }),
    headers,
    ...(request.query === '' ? {} : { queryStringParameters: joined(queryOf(request.query)) }),
    ...(hasAny(match?.params) ? { pathParameters: match.params } : {}),
    requestContext: {
      accountId: 'eventflow',
      apiId: 'eventflow',
      domainName: host,
      domainPrefix: host.split('.')[0],
      http: { method: request.method, path: request.path, protocol: 'HTTP/1.1', sourceIp: callerOf(request), userAgent: headers['user-agent'] ?? '' },
      requestId: context.runId,
      routeKey,
      stage: '$default',
      time: clf(now),
      timeEpoch: now.getTime(),
    },
    ...bodyOf(request, undefined),
  };
}

function first(request, match, context) {
  const query = queryOf(request.query);
  const { host } = originOf(request);
  const now = new Date();
  const resource = match?.route.path ?? '/{proxy+}';
  const params = match === undefined ? { proxy: request.path.slice(1) } : match.params;
  const headers = anyCase(request.headers, (value) => value);
  return {
    version: '1.0',
    resource,
    path: request.path,
    httpMethod: request.method,
    headers,
    multiValueHeaders: anyCase(request.headers, (value) => [].concat(value)),
    queryStringParameters: hasAny(query) ? mapped(query, (value) => [].concat(value).at(-1)) : null,
    multiValueQueryStringParameters: hasAny(query) ? mapped(query, (value) => [].concat(value)) : null,
    pathParameters: hasAny(params) ? params : null,
    stageVariables: null,
    requestContext: {
      accountId: 'eventflow',
      apiId: 'eventflow',
      domainName: host,
      domainPrefix: host.split('.')[0],
      extendedRequestId: context.runId,
      httpMethod: request.method,
      identity: { sourceIp: callerOf(request), userAgent: request.headers['user-agent'] ?? null, user: null, userArn: null, apiKey: null },
      path: request.path,
      protocol: 'HTTP/1.1',
      requestId: context.runId,
      requestTime: clf(now),
      requestTimeEpoch: now.getTime(),
      resourceId: resource,
      resourcePath: resource,
      stage: '$default',
    },
    ...bodyOf(request, null),
  };
}

function bodyOf(request, none) {
  if (request.body.length === 0) return none === undefined ? { isBase64Encoded: false } : { body: none, isBase64Encoded: false };
  const text = isText(request);
  return { body: request.body.toString(text ? 'utf8' : 'base64'), isBase64Encoded: !text };
}

/**
 * The first version has names as callers wrote them, `Content-Type` most of the time; here they come in small letters. Both
 * are found; only the former are listed.
 */
function anyCase(headers, valueOf) {
  const small = {};
  for (const [name, value] of Object.entries(headers)) Object.defineProperty(small, name, { value: valueOf(value), enumerable: false });
  const made = Object.create(small);
  for (const [name, value] of Object.entries(headers)) {
    const titled = name.replace(/(^|-)([a-z])/g, (all) => all.toUpperCase());
    Object.defineProperty(made, titled, { value: valueOf(value), enumerable: true, writable: true, configurable: true });
  }
  return made;
}

function joined(query) {
  return mapped(query, (value) => [].concat(value).join(','));
}

function mapped(object, valueOf) {
  return Object.fromEntries(Object.entries(object).map(([name, value]) => [name, valueOf(value)]));
}

function hasAny(object) {
  return object !== undefined && Object.keys(object).length > 0;
}

/** `12/Mar/2020:19:03:58 +0000`, as in logs of web servers. */
function clf(date) {
  const [, , day, month, year, time] = /^(\w+), (\d+) (\w+) (\d+) ([\d:]+)/.exec(date.toUTCString());
  return `${day}/${month}/${year}:${time} +0000`;
}

module.exports = { anyCase, gatewayEvent };
