// Search, filters and order of the list of functions: what the server does, and what is done here.

import type {
  FunctionMode,
  FunctionOrder,
  FunctionRowFragment,
  FunctionState,
  TriggerType,
} from "../../../graphql/generated.ts";
import { type Spark, sum } from "../../../ui/spark.ts";

/** The search and order of the list. */
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

/** The typed search text: a part of a name, or a namespace, a slash and a part of a name. */
function typedOf(wanted: Wanted): { namespace: string | null; search: string | null } {
  const typed = wanted.q?.trim().toLowerCase() ?? "";
  const at = typed.indexOf("/");
  const [namespace, search] = at < 0 ? ["", typed] : [typed.slice(0, at), typed.slice(at + 1)];
  return { namespace: wanted.namespace ?? (namespace || null), search: search || null };
}

/** The query to the server. */
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

/** The order requested from the server for an incompletely loaded list; undefined if it does not support the order. */
export function orderOf(sort: string | undefined): { orderBy?: FunctionOrder; descending?: boolean } {
  const key = (sort ?? "name").replace(/^-/, "");
  const orders: Record<string, FunctionOrder> = { name: "NAME", state: "STATE", updated: "UPDATED" };
  const orderBy = orders[key];
  return orderBy ? { orderBy, descending: sort?.startsWith("-") ?? false } : {};
}

/** Whether a function matches, as far as its row shows: only the server knows its triggers. */
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

/** The pages of a list as one list, and whether it is complete. */
export function joined<T extends { id: string }>(
  pages: readonly { nodes: readonly T[]; totalCount: number; pageInfo: { hasNextPage: boolean } }[],
  limit: number,
): { rows: T[] | undefined; total: number; more: boolean; cut: boolean } {
  const last = pages.at(-1);
  if (!last) return { rows: undefined, total: 0, more: false, cut: false };
  // While pages are fetched one after another, a function may move from one to the next.
  const rows = [...new Map(pages.flatMap(({ nodes }) => nodes).map((row) => [row.id, row])).values()];
  const full = pages.length >= limit;
  return {
    rows,
    total: Math.max(...pages.map(({ totalCount }) => totalCount)),
    more: last.pageInfo.hasNextPage && !full,
    cut: last.pageInfo.hasNextPage && full,
  };
}

/** The matching functions, sorted; deregistered ones only if asked for. */
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

/** Columns that are first sorted with the newest or largest on top. */
const DOWN_FIRST = new Set(["updated", "run", "calls"]);

/** The order after a click on a column head: the usual direction, then the reverse. */
export function nextSort(current: string | undefined, column: string): string {
  const first = DOWN_FIRST.has(column) ? `-${column}` : column;
  const second = DOWN_FIRST.has(column) ? column : `-${column}`;
  return (current ?? "name") === first ? second : first;
}
