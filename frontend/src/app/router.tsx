// Every address of the UI. A page's code comes when the page is first opened.

import { createRootRoute, createRoute, createRouter, notFound, Outlet, redirect } from "@tanstack/react-router";
import type { FunctionState, RunState, Window } from "../graphql/generated.ts";
import { compact, localPath, oneOf, text, whole } from "../lib/search.ts";
import { Broken, NotFound } from "./faults.tsx";
import { isId } from "./ids.ts";
import { lazyRouteComponent } from "./pages.ts";
import { Shell } from "./shell.tsx";

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
export const SORTS = ["name", "-name", "updated", "-updated", "state", "-state"] as const;
export const WINDOWS: readonly Window[] = ["FIVE_MINUTES", "HOUR", "DAY", "WEEK"];

const root = createRootRoute({ component: Outlet, notFoundComponent: NotFound, errorComponent: Broken });

/** Of something that has an id: an address without a real one leads nowhere. */
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

const app = createRoute({ getParentRoute: () => root, id: "app", component: Shell });

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
    since: oneOf(raw, "since", ["hour", "day", "week"] as const),
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
  validateSearch: (raw: Record<string, unknown>) => compact({ q: text(raw, "q") }),
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
  component: lazyRouteComponent(() => import("../routes/functionVersions.tsx")),
});

const settings = createRoute({
  getParentRoute: () => one,
  path: "/settings",
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
    compact({ type: text(raw, "type"), after: text(raw, "after"), publish: oneOf(raw, "publish", ["yes"] as const) }),
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
  validateSearch: (raw: Record<string, unknown>) => compact({ after: text(raw, "after") }),
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
      one.addChildren([overview, invoke, functionRuns, functionLogs, builds, versions, settings, history]),
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
