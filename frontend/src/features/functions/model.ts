// What is known of a list of functions without asking anybody.

import type {
  FunctionActivityFragment,
  FunctionMode,
  FunctionOrder,
  FunctionRowFragment,
  FunctionState,
  TriggerType,
} from "../../graphql/generated.ts";
import { type Spark, sum } from "../../ui/spark.ts";

/** What the list is searched and sorted by. */
export interface Wanted {
  q?: string | undefined;
  state?: FunctionState | undefined;
  failed?: "yes" | undefined;
  mode?: FunctionMode | undefined;
  runtime?: string | undefined;
  trigger?: TriggerType | undefined;
  namespace?: string | undefined;
  sort?: string | undefined;
}

type Row = Pick<FunctionRowFragment, "id" | "name" | "namespace" | "state" | "mode" | "updatedAt" | "runtime"> & {
  currentVersion: unknown;
  builds: { nodes: readonly { state: string }[] };
  runs: { nodes: readonly { queuedAt: string }[] };
};

/** What is typed into the search: a part of a name, or a namespace, a slash and a part of a name. */
function typedOf(wanted: Wanted): { namespace: string | null; search: string | null } {
  const typed = wanted.q?.trim().toLowerCase() ?? "";
  const at = typed.indexOf("/");
  const [namespace, search] = at < 0 ? ["", typed] : [typed.slice(0, at), typed.slice(at + 1)];
  return { namespace: wanted.namespace ?? (namespace || null), search: search || null };
}

/** What is asked of the server for what is wanted. */
export function questionOf(wanted: Wanted) {
  return {
    ...typedOf(wanted),
    state: wanted.state ?? null,
    buildFailed: wanted.failed ? true : null,
    mode: wanted.mode ?? null,
    runtime: wanted.runtime ?? null,
    trigger: wanted.trigger ?? null,
  };
}

/** The order that is asked of the server for a list that is not loaded as a whole; of what it cannot sort by, none. */
export function orderOf(sort: string | undefined): { orderBy?: FunctionOrder; descending?: boolean } {
  const key = (sort ?? "name").replace(/^-/, "");
  const orders: Record<string, FunctionOrder> = { name: "NAME", state: "STATE", updated: "UPDATED" };
  const orderBy = orders[key];
  return orderBy ? { orderBy, descending: sort?.startsWith("-") ?? false } : {};
}

/** Whether a function is wanted, as far as its row shows: what its triggers are, only the server knows. */
export function fits(one: Omit<Row, "runs">, wanted: Wanted): boolean {
  const { namespace, search } = typedOf(wanted);
  return (
    (wanted.state ? one.state === wanted.state : one.state !== "DEREGISTERED") &&
    (!wanted.failed || one.builds.nodes[0]?.state === "FAILED") &&
    (!wanted.mode || (one.mode === wanted.mode && one.currentVersion !== null)) &&
    (!wanted.runtime || (one.runtime === wanted.runtime && one.currentVersion !== null)) &&
    (namespace === null || one.namespace === namespace) &&
    (search === null || one.name.includes(search))
  );
}

/** Pages of a list as one list, and how complete it is. */
export function joined<T extends { id: string }>(
  pages: readonly { nodes: readonly T[]; totalCount: number; pageInfo: { hasNextPage: boolean } }[],
  limit: number,
): { rows: T[] | undefined; total: number; more: boolean; cut: boolean } {
  const last = pages.at(-1);
  if (!last) return { rows: undefined, total: 0, more: false, cut: false };
  // While pages are asked for one after the other, a function may move from one to the next.
  const rows = [...new Map(pages.flatMap(({ nodes }) => nodes).map((row) => [row.id, row])).values()];
  const full = pages.length >= limit;
  return {
    rows,
    total: Math.max(...pages.map(({ totalCount }) => totalCount)),
    more: last.pageInfo.hasNextPage && !full,
    cut: last.pageInfo.hasNextPage && full,
  };
}

/** The functions that are wanted, in the wanted order; gone ones only when they are asked for. */
export function chosen<T extends Row>(
  functions: readonly T[],
  wanted: Wanted,
  calls: ReadonlyMap<string, readonly Spark[]> = new Map(),
): T[] {
  const fitting = functions.filter((one) => fits(one, wanted));
  const key = (wanted.sort ?? "name").replace(/^-/, "");
  const sign = wanted.sort?.startsWith("-") ? -1 : 1;
  const by = (one: T): string | number => {
    switch (key) {
      case "updated":
        return one.updatedAt;
      case "state":
        return one.state;
      case "run":
        return one.runs.nodes[0]?.queuedAt ?? "";
      case "calls":
        return sum(calls.get(one.id) ?? []).calls;
      default:
        return one.name;
    }
  };
  const keyed = fitting.map((one) => [by(one), one] as const);
  const order = (a: string | number, b: string | number) => (a < b ? -1 : a > b ? 1 : 0);
  return keyed.sort(([a, one], [b, other]) => sign * order(a, b) || order(one.name, other.name)).map(([, one]) => one);
}

/** Columns whose newest or largest is asked for first. */
const DOWN_FIRST = new Set(["updated", "run", "calls"]);

/** The sort after a click on a column's head: the usual way around, then the other. */
export function nextSort(current: string | undefined, column: string): string {
  const first = DOWN_FIRST.has(column) ? `-${column}` : column;
  const second = DOWN_FIRST.has(column) ? column : `-${column}`;
  return (current ?? "name") === first ? second : first;
}

/** What is wrong with a name; null when nothing is. */
export function nameFault(name: string): string | null {
  if (name === "") return "A function needs a name.";
  if (name.length > 63) return `${name.length} characters; 63 at most.`;
  if (!/^[a-z]/.test(name)) return "It begins with a lower-case letter.";
  if (!/^[a-z0-9-]*$/.test(name)) return "Only lower-case letters, digits and hyphens.";
  if (name.endsWith("-")) return "It does not end with a hyphen.";
  return null;
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

type Living = Pick<FunctionRowFragment, "state" | "stateReason" | "updatedAt"> & {
  instances: readonly { state: string }[];
  runs: {
    nodes: readonly Pick<FunctionActivityFragment["runs"]["nodes"][number], "state" | "httpStatus" | "queuedAt">[];
  };
};

/**
 * Whether something is wrong with a function: it should run, and the server says why it does not.
 *
 * The server keeps the reason of the last instance that failed until another version takes over. What answers since
 * then is not broken any more, whatever its answer was.
 */
export function broken(one: Living): boolean {
  if (one.state !== "RUNNING" || one.stateReason === null) return false;
  if (one.instances.some(({ state }) => state === "ready")) return false;
  const run = one.runs.nodes[0];
  const answered = run && (run.state === "SUCCEEDED" || run.httpStatus !== null);
  return !(answered && new Date(run.queuedAt).getTime() > new Date(one.updatedAt).getTime());
}

/** The state as it is shown: a function of which nothing was ever built, because its newest build failed, says so. */
export function shownState(one: Pick<FunctionRowFragment, "state"> & Pick<Row, "builds">): string {
  return one.state === "REGISTERED" && one.builds.nodes[0]?.state === "FAILED" ? "BUILD_FAILED" : one.state;
}

/** The secrets that a manifest names as variables and that are not set. */
export function unset(
  manifest: unknown,
  namespace: string,
  set: readonly { namespace: string; name: string }[],
): string[] {
  const named: unknown = typeof manifest === "object" && manifest !== null && "secrets" in manifest && manifest.secrets;
  if (!Array.isArray(named)) return [];
  const there = new Set(set.filter((one) => one.namespace === namespace).map(({ name }) => name));
  return named.filter((name): name is string => typeof name === "string" && !there.has(name));
}

/** The version that answers although there is a newer one, and the newer one; null when the newest answers. */
export function rolledBack(
  answers: number | undefined,
  newest: number | undefined,
): { answers: number; newest: number } | null {
  return answers !== undefined && newest !== undefined && newest > answers ? { answers, newest } : null;
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
    .replace(/^[^a-z]+|-+$/g, "")
    .slice(0, 63)
    .replace(/-+$/, "");
}

/** Whether functions run in containers, as the server names where they run. */
export function runsImages(executor: string): boolean {
  return /docker|kubernetes/i.test(executor);
}
