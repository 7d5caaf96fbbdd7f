// What is known of a list of functions without asking anybody.

import type { FunctionRowFragment, FunctionState } from "../../graphql/generated.ts";

/** What the list is searched and sorted by. */
export interface Wanted {
  q?: string | undefined;
  state?: FunctionState | undefined;
  sort?: string | undefined;
}

type Row = Pick<FunctionRowFragment, "name" | "namespace" | "state" | "updatedAt" | "runtime">;

/** The functions that are wanted, in the wanted order; gone ones only when they are asked for. */
export function chosen<T extends Row>(functions: readonly T[], wanted: Wanted): T[] {
  const search = wanted.q?.trim().toLowerCase() ?? "";
  const kept = functions.filter(
    (one) =>
      (wanted.state ? one.state === wanted.state : one.state !== "DEREGISTERED") &&
      (search === "" || `${one.namespace}/${one.name} ${one.runtime}`.toLowerCase().includes(search)),
  );
  const key = (wanted.sort ?? "name").replace(/^-/, "");
  const sign = wanted.sort?.startsWith("-") ? -1 : 1;
  const by = (one: T) => (key === "updated" ? one.updatedAt : key === "state" ? one.state : one.name);
  return kept.sort((a, b) => sign * by(a).localeCompare(by(b)) || a.name.localeCompare(b.name));
}

/** The sort after a click on a column's head: up, then down. */
export function nextSort(current: string | undefined, column: string): string {
  return (current ?? "name") === column ? `-${column}` : column;
}

/** What may be asked of a function in its state. */
export function allowed(one: Pick<FunctionRowFragment, "state" | "currentVersion">) {
  const gone = one.state === "DEREGISTERED";
  return {
    start: !gone && one.state !== "RUNNING" && one.currentVersion !== null,
    stop: one.state === "RUNNING",
    invoke: one.state === "RUNNING",
    build: !gone,
    deregister: !gone,
  };
}

/** Whether something is wrong with a function: it should run, and the server says why it does not. */
export function broken(one: Pick<FunctionRowFragment, "state" | "stateReason">): boolean {
  return one.state === "RUNNING" && one.stateReason !== null;
}

/** Where a function's code comes from, in a few words. */
export function origin(source: FunctionRowFragment["source"]): string {
  if (source.type === "git") {
    const at = source.ref ? ` @ ${source.ref}` : "";
    return `${source.url ?? "git"}${at}${source.path ? ` in ${source.path}` : ""}`;
  }
  if (source.type === "image") return source.image ?? "image";
  return `uploaded bundle ${(source.digest ?? "").replace("sha256:", "").slice(0, 8)}`;
}

/** A name for a function from the address of its repository: `https://…/thumbs.git` is `thumbs`. */
export function nameFrom(url: string): string {
  const last =
    url
      .trim()
      .replace(/[/\\]+$/, "")
      .split(/[/\\:]/)
      .at(-1) ?? "";
  return last
    .replace(/\.(git|zip|tgz|tar\.gz)$/i, "")
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, "-")
    .replace(/^-+|-+$/g, "");
}
