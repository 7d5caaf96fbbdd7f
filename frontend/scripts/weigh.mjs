// What a browser must load before the first page shows: the entry, all that it imports, its styles; compressed.
//
//   node scripts/weigh.mjs [--files]     fails when that is more than 250 kB

import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

/** Bytes, compressed, of the first load. */
const LIMIT = 250_000;

const dist = new URL("../dist/", import.meta.url);
const weights = new Map();
function visit(name) {
  if (weights.has(name)) return;
  const content = readFileSync(new URL(`assets/${name}`, dist));
  weights.set(name, gzipSync(content, { level: 9 }).length);
  if (!name.endsWith(".js")) return;
  for (const [, file] of content.toString().matchAll(/(?:from|import)\s*["'`]\.\/([\w.-]+\.js)["'`]/g)) visit(file);
}
for (const [, name] of readFileSync(new URL("index.html", dist), "utf8").matchAll(/assets\/([\w.-]+\.(?:js|css))/g))
  visit(name);

const total = [...weights.values()].reduce((sum, weight) => sum + weight, 0);
if (process.argv.includes("--files")) {
  for (const [name, weight] of [...weights].sort((a, b) => b[1] - a[1])) console.log(String(weight).padStart(7), name);
}
console.log(`first load: ${total} bytes compressed in ${weights.size} files (limit ${LIMIT})`);
if (total > LIMIT) process.exit(1);
