// The allowed imports between rooms. Circular imports are detected by Biome.

import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

/** The rooms by floor, from the top. Each imports only from below; rooms on the same floor do not know each other. */
const FLOORS = [["main.tsx"], ["app"], ["routes"], ["features"], ["graphql", "ui", "graphiql"], ["lib"]];

/** Packages that a room must not import. */
const FORBIDDEN = [
  { room: "ui", packages: /^(@tanstack\/react-router|urql|@urql\/.*|graphql.*)$/ },
  { room: "lib", packages: /^(react-dom.*|@mantine\/.*|@tanstack\/.*|urql|@urql\/.*|graphql.*)$/ },
];

const SOURCE = dirname(fileURLToPath(import.meta.url));
const IMPORT = /(?:^|\s)(?:from|import)\s*\(?\s*"([^"]+)"/g;

const files = readdirSync(SOURCE, { recursive: true, encoding: "utf8" }).filter(
  (path) => /\.tsx?$/.test(path) && path !== "floors.test.ts",
);
const imports = files.flatMap((from) =>
  [...readFileSync(join(SOURCE, from), "utf8").matchAll(IMPORT)].map(([, name = ""]) => ({
    from,
    to: name.startsWith(".") ? relative(SOURCE, join(SOURCE, dirname(from), name)) : name,
    ours: name.startsWith("."),
  })),
);

const roomOf = (path: string) => path.split("/")[0] ?? path;
const floorOf = (path: string) => FLOORS.findIndex((rooms) => rooms.includes(roomOf(path)));
const featureOf = (path: string) => (roomOf(path) === "features" ? path.split("/")[1] : undefined);

test("every room imports only from the floors below it", () => {
  const offenders = imports.filter(
    ({ from, to, ours }) => ours && roomOf(from) !== roomOf(to) && floorOf(from) >= floorOf(to),
  );
  expect(offenders).toEqual([]);
});

test("no room uses a package that it must not know", () => {
  const offenders = imports.filter(
    ({ from, to, ours }) => !ours && FORBIDDEN.some(({ room, packages }) => roomOf(from) === room && packages.test(to)),
  );
  expect(offenders).toEqual([]);
});

test("features know each other in one direction only", () => {
  const known = new Map<string, Set<string>>();
  for (const { from, to } of imports) {
    const [one, other] = [featureOf(from), featureOf(to)];
    if (one && other && one !== other) known.set(one, (known.get(one) ?? new Set()).add(other));
  }
  const reached = (one: string, seen = new Set<string>()): Set<string> => {
    for (const other of known.get(one) ?? []) if (!seen.has(other)) reached(other, seen.add(other));
    return seen;
  };
  expect([...known.keys()].filter((one) => reached(one).has(one))).toEqual([]);
});
