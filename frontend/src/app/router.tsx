// All routes of the UI. The code of a page is loaded when it is first opened.

import { createRootRoute, createRoute, createRouter, notFound, Outlet, redirect } from "@tanstack/react-router";
import type { FunctionState, RunState, TriggerType, Window } from "../graphql/generated.ts";
import { isId } from "../lib/ids.ts";
import { compact, localPath, moment, oneOf, text, whole } from "../lib/search.ts";
import { Broken, NotFound } from "./faults.tsx";
import { Gate } from "./gate.tsx";
import { lazyRouteComponent } from "./pages.ts";

export const FUNCTION_STATES: readonly FunctionState[] = ["REGISTERED", "BUILT", "RUNNING", "STOPPED", "DEREGISTERED"];
export const RUN_STATES: readonly RunState[] = [
  "QUEUED",
  "RUNNING",
  "RETRYING",
  "SUCCEEDED",
  "FAILED",
  "TIMED_OUT",
  "CANCELLED",
  "DEAD",
];
export const SORTS = [
  "name",
  "-name",
  "state",
  "-state",
  "run",
  "-run",
  "calls",
  "-calls",
  "updated",
  "-updated",
] as const;
export const RUNTIMES = ["node", "python", "python-flask", "command", "docker"] as const;
export const TRIGGERS: readonly TriggerType[] = ["HTTP", "EVENT", "SCHEDULE", "WEBHOOK"];
export const SETTINGS = ["triggers", "variables", "limits", "source", "json", "danger"] as const;
export const SPANS = ["minutes", "hour", "day", "week"] as const;
export const WINDOWS: readonly Window[] = ["FIVE_MINUTES", "HOUR", "DAY", "WEEK"];

const root = createRootRoute({ component: Outlet, notFoundComponent: NotFound, errorComponent: Broken });

/** An id in the search of an address; anything that cannot be an id is dropped. */
const id = (raw: Record<string, unknown>, name: string) => {
  const value = text(raw, name);
  return value !== undefined && isId(value) ? value : undefined;
};

/** For pages of an object with an id: an address with an invalid id leads nowhere. */
const named = ({ params }: { params: { id: string } }) => {
  if (!isId(params.id)) throw notFound();
};

const signIn = createRoute({
  getParentRoute: () => root,
  path: "/sign-in",
  validateSearch: (raw: Record<string, unknown>): { next?: string } =>
    raw.next === undefined ? {} : { next: localPath(raw.next) },
  component: lazyRouteComponent(() => import("../routes/signIn.tsx")),
});

const app = createRoute({ getParentRoute: () => root, id: "app", component: Gate });

const home = createRoute({
  getParentRoute: () => app,
  path: "/",
  beforeLoad: () => {
    throw redirect({ to: "/functions", replace: true });
  },
});

const functions = createRoute({
  getParentRoute: () => app,
  path: "/functions",
  validateSearch: (raw: Record<string, unknown>) =>
    compact({
      q: text(raw, "q"),
      state: oneOf(raw, "state", FUNCTION_STATES),
      failed: oneOf(raw, "failed", ["yes"] as const),
      mode: oneOf(raw, "mode", ["SERVICE", "JOB"] as const),
      runtime: oneOf(raw, "runtime", RUNTIMES),
      trigger: oneOf(raw, "trigger", TRIGGERS),
      namespace: text(raw, "namespace"),
      sort: oneOf(raw, "sort", SORTS),
      register: oneOf(raw, "register", ["git", "write", "upload", "image"] as const),
    }),
  component: lazyRouteComponent(() => import("../routes/functions.tsx")),
});

const one = createRoute({
  getParentRoute: () => app,
  path: "/functions/$id",
  beforeLoad: named,
  component: lazyRouteComponent(() => import("../routes/function.tsx")),
});

const overview = createRoute({
  getParentRoute: () => one,
  path: "/",
  validateSearch: (raw: Record<string, unknown>) => compact({ window: oneOf(raw, "window", WINDOWS) }),
  component: lazyRouteComponent(() => import("../routes/functionOverview.tsx")),
});

const invoke = createRoute({
  getParentRoute: () => one,
  path: "/invoke",
  component: lazyRouteComponent(() => import("../routes/functionInvoke.tsx")),
});

const runsSearch = (raw: Record<string, unknown>) =>
  compact({
    state: oneOf(raw, "state", RUN_STATES),
    trigger: text(raw, "trigger"),
    version: whole(raw, "version"),
    event: id(raw, "event"),
    since: oneOf(raw, "since", SPANS),
    from: moment(raw, "from"),
    until: moment(raw, "until"),
    after: text(raw, "after"),
  });

const functionRuns = createRoute({
  getParentRoute: () => one,
  path: "/runs",
  validateSearch: runsSearch,
  component: lazyRouteComponent(() => import("../routes/functionRuns.tsx")),
});

const functionLogs = createRoute({
  getParentRoute: () => one,
  path: "/logs",
  validateSearch: (raw: Record<string, unknown>) =>
    compact({
      q: text(raw, "q"),
      level: oneOf(raw, "level", ["info", "warn", "error", "system"] as const),
      stream: oneOf(raw, "stream", ["out", "err"] as const),
      only: oneOf(raw, "only", ["yes"] as const),
      case: oneOf(raw, "case", ["yes"] as const),
    }),
  component: lazyRouteComponent(() => import("../routes/functionLogs.tsx")),
});

const builds = createRoute({
  getParentRoute: () => one,
  path: "/builds",
  validateSearch: (raw: Record<string, unknown>) => compact({ build: text(raw, "build") }),
  component: lazyRouteComponent(() => import("../routes/functionBuilds.tsx")),
});

const versions = createRoute({
  getParentRoute: () => one,
  path: "/versions",
  validateSearch: (raw: Record<string, unknown>) =>
    compact({ from: whole(raw, "from"), to: whole(raw, "to"), file: text(raw, "file") }),
  component: lazyRouteComponent(() => import("../routes/functionVersions.tsx")),
});

const metrics = createRoute({
  getParentRoute: () => one,
  path: "/metrics",
  validateSearch: (raw: Record<string, unknown>) => compact({ window: oneOf(raw, "window", WINDOWS) }),
  component: lazyRouteComponent(() => import("../routes/functionMetrics.tsx")),
});

const settings = createRoute({
  getParentRoute: () => one,
  path: "/settings",
  validateSearch: (raw: Record<string, unknown>) => compact({ part: oneOf(raw, "part", SETTINGS) }),
  component: lazyRouteComponent(() => import("../routes/functionSettings.tsx")),
});

const history = createRoute({
  getParentRoute: () => one,
  path: "/history",
  validateSearch: (raw: Record<string, unknown>) => compact({ at: whole(raw, "at") }),
  component: lazyRouteComponent(() => import("../routes/functionHistory.tsx")),
});

const runs = createRoute({
  getParentRoute: () => app,
  path: "/runs",
  validateSearch: runsSearch,
  component: lazyRouteComponent(() => import("../routes/runs.tsx")),
});

const run = createRoute({
  getParentRoute: () => app,
  path: "/runs/$id",
  beforeLoad: named,
  component: lazyRouteComponent(() => import("../routes/run.tsx")),
});

const events = createRoute({
  getParentRoute: () => app,
  path: "/events",
  validateSearch: (raw: Record<string, unknown>) =>
    compact({
      type: text(raw, "type"),
      namespace: text(raw, "namespace"),
      after: text(raw, "after"),
      publish: oneOf(raw, "publish", ["yes"] as const),
    }),
  component: lazyRouteComponent(() => import("../routes/events.tsx")),
});

const event = createRoute({
  getParentRoute: () => app,
  path: "/events/$id",
  beforeLoad: named,
  component: lazyRouteComponent(() => import("../routes/event.tsx")),
});

const deadLetters = createRoute({
  getParentRoute: () => app,
  path: "/dead-letters",
  validateSearch: (raw: Record<string, unknown>) =>
    compact({
      function: text(raw, "function"),
      namespace: text(raw, "namespace"),
      since: oneOf(raw, "since", SPANS),
      from: moment(raw, "from"),
      until: moment(raw, "until"),
      after: text(raw, "after"),
    }),
  component: lazyRouteComponent(() => import("../routes/deadLetters.tsx")),
});

const system = createRoute({
  getParentRoute: () => app,
  path: "/system",
  component: lazyRouteComponent(() => import("../routes/system.tsx")),
});

export const router = createRouter({
  routeTree: root.addChildren([
    signIn,
    app.addChildren([
      home,
      functions,
      one.addChildren([overview, invoke, functionRuns, functionLogs, builds, versions, metrics, settings, history]),
      runs,
      run,
      events,
      event,
      deadLetters,
      system,
    ]),
  ]),
  defaultPreload: "intent",
  defaultErrorComponent: Broken,
  notFoundMode: "root",
  scrollRestoration: true,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
