// The model of a function.

import type { FunctionActivityFragment, FunctionRowFragment } from "../../graphql/generated.ts";

/** The actions possible in the function's state. */
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

/** The displayed state: a function that was never built because its latest build failed says so. */
export function shownState(
  one: Pick<FunctionRowFragment, "state"> & { builds: { nodes: readonly { state: string }[] } },
): string {
  return one.state === "REGISTERED" && one.builds.nodes[0]?.state === "FAILED" ? "BUILD_FAILED" : one.state;
}

/** The secrets that a manifest uses as variables and that are not set. */
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

/** The version that answers and the newer one, if the newest does not answer; else null. */
export function rolledBack(
  answers: number | undefined,
  newest: number | undefined,
): { answers: number; newest: number } | null {
  return answers !== undefined && newest !== undefined && newest > answers ? { answers, newest } : null;
}

/** Whether functions run in containers, by the server's name for its executor. */
export function runsImages(executor: string): boolean {
  return /docker|kubernetes/i.test(executor);
}
