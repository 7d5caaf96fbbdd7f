// The files of docker-compose.yml and what they may be put together with.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "yaml";

export const REPOSITORY = fileURLToPath(new URL("../..", import.meta.url));

export const BASE = "docker-compose.yml";
export const ENGINE = "deploy/compose.engine.yml";
export const BUILD = "deploy/compose.build.yml";

/** The ways to put them together, as COMPOSE_FILE has them. */
export const WAYS = [[BASE], [BASE, ENGINE], [BASE, ENGINE, BUILD]];

export const read = (path) => readFileSync(join(REPOSITORY, path), "utf8");
export const exists = (path) => existsSync(join(REPOSITORY, path));

/** What one of the files says. The tag `!reset` is Compose's own: the value below it counts. */
export const content = (path) => parse(read(path), { logLevel: "error" });

/** Every service of every file: `{ file, name, ...service }`. */
export const services = () =>
  [BASE, ENGINE, BUILD].flatMap((file) => Object.entries(content(file).services).map(([name, service]) => ({ file, name, ...service })));

/** The variables that a service is given, whichever way they are written. */
export const environment = ({ environment = {} }) =>
  Array.isArray(environment) ? Object.fromEntries(environment.map((line) => line.split(/=(.*)/s).slice(0, 2))) : environment;

/** The expressions of the list of calls that the engine's proxy passes on. */
export const calls = () =>
  read("deploy/engine/calls")
    .split("\n")
    .filter((line) => line && !line.startsWith("#"))
    .map((line) => new RegExp(line));
