// The cache configuration: objects with an id are stored once for all queries; others within their parent.

import { type Cache, cacheExchange, type Data } from "@urql/exchange-graphcache";
import type {
  DeregisterFunctionMutationVariables,
  EventReceivedSubscription,
  RunChangedSubscription,
  StartFunctionMutationVariables,
  StopFunctionMutationVariables,
} from "./generated.ts";

const inside = () => null;

/** An optimistic update of a function, rolled back if the server refuses. */
function soon(payload: Data) {
  return { __typename: "FunctionPayload", userErrors: [], function: { stateReason: null, ...payload } };
}

/** Maximum number of rows that subscriptions add to a list before it is fetched again. */
const GROWN = 100;

type Args = Record<string, unknown>;

/**
 * Puts what a subscription brought at the head of those lists on their first page whose filters it fits, and takes it
 * out of those that it does not fit any more. The lists are asked for again soon after; this spares the eye the wait.
 */
function placeInLists(
  cache: Cache,
  list: string,
  row: { __typename: string; id: string },
  wanted: (args: Args) => boolean,
) {
  const key = cache.keyOfEntity(row);
  if (!key) return;
  for (const { fieldName, fieldKey, arguments: args } of cache.inspectFields("Query")) {
    // Only the server knows whether a run matches a filter by causing event or by search text.
    if (fieldName !== list || args?.after || args?.event || args?.idPrefix) continue;
    const page = cache.resolve("Query", fieldKey) as string | null;
    if (!page) continue;
    const rows = (cache.resolve(page, "nodes") ?? []) as string[];
    const there = rows.includes(key);
    const fits = wanted(args ?? {});
    if (there === fits) continue;
    cache.link(page, "nodes", fits ? [key, ...rows].slice(0, GROWN) : rows.filter((other) => other !== key));
  }
}

/** Whether a run matches the arguments of a list. */
export function wantsRun(args: Args, run: RunChangedSubscription["runChanged"]["run"]): boolean {
  return (
    (!args.function || args.function === run.function.id) &&
    (!args.state || args.state === run.state) &&
    (!args.trigger || args.trigger === run.trigger) &&
    (typeof args.version !== "number" || args.version === run.version) &&
    (!args.since || new Date(run.queuedAt).getTime() >= new Date(String(args.since)).getTime()) &&
    (!args.until || new Date(run.queuedAt).getTime() < new Date(String(args.until)).getTime())
  );
}

/** Updates the latest run of a function wherever it is shown, without fetching the list of functions again. */
function lead(cache: Cache, run: RunChangedSubscription["runChanged"]["run"]) {
  const newest = cache.resolve({ __typename: "Function", id: run.function.id }, "runs", { first: 1 }) as string | null;
  const key = cache.keyOfEntity({ __typename: "Run", id: run.id });
  if (!newest || !key) return;
  const [shown] = (cache.resolve(newest, "nodes") ?? []) as string[];
  const since = shown ? (cache.resolve(shown, "queuedAt") as string | null) : null;
  if (shown !== key && (since === null || leads(run.queuedAt, since))) cache.link(newest, "nodes", [key]);
}

/** Whether one request time is later than another. */
export function leads(one: string, other: string): boolean {
  return new Date(one).getTime() > new Date(other).getTime();
}

/** A namespace is identified by its name. */
const byName = (namespace: Data) => namespace.name as string;

/** The cache of one session. */
export function cache() {
  return cacheExchange({
    keys: {
      BuildConnection: inside,
      EventConnection: inside,
      FunctionConnection: inside,
      // Comes with every change and is never queried again: stored by id it would stay until the page is reloaded.
      RecordedEvent: inside,
      RecordedEventConnection: inside,
      RunConnection: inside,
      RunCount: inside,
      VersionConnection: inside,
      BuildChange: inside,
      EventChange: inside,
      FunctionChange: inside,
      RunChange: inside,
      PageInfo: inside,
      Reach: inside,
      ReachTotals: inside,
      LogLine: inside,
      OfferedFolder: inside,
      Metrics: inside,
      MetricsPoint: inside,
      CallsPoint: inside,
      File: inside,
      Source: inside,
      Trigger: inside,
      Version: inside,
      VersionImage: inside,
      InstanceUsage: inside,
      Viewer: inside,
      Server: inside,
      Callback: inside,
      Secret: inside,
      UserError: inside,
      FunctionPayload: inside,
      BuildPayload: inside,
      RunPayload: inside,
      EventPayload: inside,
      SecretPayload: inside,
      RedrivenPayload: inside,
      PurgedPayload: inside,
      Namespace: byName,
    },
    optimistic: {
      startFunction: (args) =>
        soon({ __typename: "Function", id: (args as StartFunctionMutationVariables).id, state: "RUNNING" }),
      stopFunction: (args) =>
        soon({ __typename: "Function", id: (args as StopFunctionMutationVariables).id, state: "STOPPED" }),
      deregisterFunction: (args) =>
        soon({ __typename: "Function", id: (args as DeregisterFunctionMutationVariables).id, state: "DEREGISTERED" }),
    },
    updates: {
      Subscription: {
        runChanged: (result, _args, cache) => {
          const { run } = (result as RunChangedSubscription).runChanged;
          placeInLists(cache, "runs", { __typename: "Run", id: run.id }, (args) => wantsRun(args, run));
          lead(cache, run);
        },
        eventReceived: (result, _args, cache) => {
          const { event } = (result as EventReceivedSubscription).eventReceived;
          // Patterns are evaluated by the server: a list filtered by type is updated by the next query.
          placeInLists(
            cache,
            "events",
            { __typename: "Event", id: event.id },
            (args) =>
              (!args.type || args.type === event.type) && (!args.namespace || args.namespace === event.namespace),
          );
        },
      },
      Mutation: {
        setSecret: (_result, _args, cache) => cache.invalidate("Query", "secrets"),
        removeSecret: (_result, _args, cache) => cache.invalidate("Query", "secrets"),
        registerFunction: (_result, _args, cache) => cache.invalidate("Query", "functions"),
        // An optimistic result only changes the state.
        deregisterFunction: (_result, _args, cache, info) => {
          if (!info.optimistic) cache.invalidate("Query", "functions");
        },
      },
    },
  });
}
