'use strict';
// Routes as the platforms write them: `/users/{id}`, `/{proxy+}`, `/products/{id:int?}`, `/blog/:slug`, `/files/*`.

const { decoded } = require('./shared-request.cjs');

const MAX_ROUTES = 1000;

/** Finds the route that a request fits, and its parameters: a route with fewer of them comes first. */
function matcherOf(routes) {
  const compiled = routes.slice(0, MAX_ROUTES).map((route) => ({ route, ...compile(route.path) }));
  compiled.sort((a, b) => a.weight - b.weight);
  return (method, path) => {
    for (const { route, pattern, names } of compiled) {
      const methods = [].concat(route.method ?? '*').map((one) => one.toUpperCase());
      if (!methods.includes('*') && !methods.includes('ANY') && !methods.includes(method)) continue;
      const found = pattern.exec(path);
      if (found === null) continue;
      const params = {};
      names.forEach((name, index) => {
        if (found[index + 1] !== undefined) params[name] = decoded(found[index + 1]);
      });
      return { route, params };
    }
    return undefined;
  };
}

/** The pattern of a route; its weight says how much it leaves open. */
function compile(path) {
  const names = [];
  let weight = 0;
  let text = '';
  for (const segment of path.split('/').filter((part) => part !== '')) {
    const param = /^(?:\{(\*)?([^}:+*?]+)(?:[:][^}?]*)?([+*])?(\?)?\}|:([A-Za-z_]\w*)([*+?])?|(\*\*?))$/.exec(segment);
    if (param === null) {
      text += `/${segment.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}`;
      continue;
    }
    const [, star, name, repeat, optional, colon, sign, bare] = param;
    names.push(name ?? colon ?? 'splat');
    const isRest = star !== undefined || repeat !== undefined || sign === '*' || sign === '+' || bare !== undefined;
    weight += isRest ? 1000 : 1;
    const isOptional = optional !== undefined || sign === '?' || sign === '*' || star !== undefined || bare !== undefined;
    const value = isRest ? '(.+?)' : '([^/]+)';
    text += isOptional ? `(?:/${value})?` : `/${value}`;
  }
  return { pattern: new RegExp(`^${text}/?$`), names, weight };
}

module.exports = { matcherOf };
