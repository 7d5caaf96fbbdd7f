// What the list of functions is searched, filtered and sorted by: what is asked of the server, and what is done here.

import type {
  FunctionMode,
  FunctionOrder,
  FunctionRowFragment,
  FunctionState,
  TriggerType,
} from "../../../graphql/generated.ts";
import { type Spark, sum } from "../../../ui/spark.ts";

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
