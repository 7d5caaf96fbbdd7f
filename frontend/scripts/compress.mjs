// Writes each built file once more, compressed with Brotli and gzip, for the server to answer with: compressing once and
// well beats compressing quickly for each visitor. Browsers take Brotli over HTTPS and on this machine, gzip everywhere.
//
//   node scripts/compress.mjs

import { readdirSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";

/** A smaller file fits into one packet as it is. */
const WORTH = 1_024;

const ways = {
  br: (content) =>
    promisify(brotliCompress)(content, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: content.length } }),
  gz: (content) => promisify(gzip)(content, { level: 9 }),
};

const dist = new URL("../dist/", import.meta.url);
const names = readdirSync(dist, { recursive: true }).filter((name) => /\.(js|css|html|svg|json|md)$/.test(name));
await Promise.all(
  names.map(async (name) => {
    const content = await readFile(new URL(name, dist));
    if (content.length < WORTH) return;
    for (const [ending, compress] of Object.entries(ways)) {
      const small = await compress(content);
      if (small.length < content.length) await writeFile(new URL(`${name}.${ending}`, dist), small);
    }
  }),
);
