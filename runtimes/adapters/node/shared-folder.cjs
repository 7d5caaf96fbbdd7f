'use strict';
// Platforms where each file of a folder is a function at the address that its path spells: `api/users/[id].js`.

const fs = require('node:fs');
const path = require('node:path');

const MAX_FILES = 1000;
const MAX_DEPTH = 16;
const CODE = /\.([mc]?js|[mc]?ts)$/;

/** `[{ file, route }]` of the files below a folder: what begins with `_` or `.`, tests and declarations are no functions. */
function filesOf(folder, prefix) {
  const found = [];
  const walk = (at, route, depth) => {
    const entries = fs.readdirSync(at, { withFileTypes: true }).sort((a, b) => a.name.localeCompare(b.name));
    for (const entry of entries) {
      if (/^[_.]/.test(entry.name) || entry.name === 'node_modules' || found.length >= MAX_FILES) continue;
      const whole = path.join(at, entry.name);
      if (entry.isDirectory() && depth < MAX_DEPTH) walk(whole, `${route}/${entry.name}`, depth + 1);
      else if (entry.isFile() && CODE.test(entry.name) && !/\.(test|spec|d)\.[a-z]+$/.test(entry.name)) {
        const name = entry.name.replace(CODE, '');
        found.push({ file: path.resolve(whole), route: routeOf(name === 'index' ? route : `${route}/${name}`) });
      }
    }
  };
  walk(folder, prefix, 0);
  return found;
}

/** `/api/users/[id]` as `/api/users/{id}`; `[...all]` takes the rest, `[[...all]]` none of it, too. */
function routeOf(spelled) {
  return spelled
    .replace(/\[\[\.\.\.([^\]]+)\]\]/g, '{*$1}')
    .replace(/\[\.\.\.([^\]]+)\]/g, '{$1+}')
    .replace(/\[([^\]]+)\]/g, '{$1}');
}

module.exports = { filesOf, routeOf };
