// Written by scripts/codegen.mjs from server/schema.graphql; do not edit.

import type { TypedDocumentNode } from "@urql/core";

/** Internal type. DO NOT USE DIRECTLY. */
type Exact<T extends { [key: string]: unknown }> = { [K in keyof T]: T[K] };
/** Internal type. DO NOT USE DIRECTLY. */
export type Incremental<T> = T | { [P in keyof T]?: P extends ' $fragmentName' | '__typename' ? T[P] : never };
/** The state of a build. */
export type BuildState =
  /** No server has taken it yet. */
  | 'QUEUED'
  /** A server works on it. */
  | 'RUNNING'
  /** It made a version. */
  | 'SUCCEEDED'
  /** It failed. */
  | 'FAILED'
  /** It was cancelled. */
  | 'CANCELLED';

/** An uploaded archive. */
export type BundleSourceInput = {
  /** The digest returned by `POST /v1/bundles`. */
  digest: string;
};

/** The state of a callback. */
export type CallbackState =
  /** The run has no outcome yet. */
  | 'WAITING'
  /** It is due. */
  | 'DUE'
  /** It was delivered. */
  | 'DELIVERED'
  /** It could not be delivered and was given up. */
  | 'GIVEN_UP';

/** What happens to due times that passed while no server was running. */
export type CatchUp =
  /** They are skipped. */
  | 'NONE'
  /** Only the latest fires. */
  | 'LAST'
  /** All fire, up to 100. */
  | 'ALL';

/** The state of a dead letter. */
export type DeadLetterState =
  /** It is waiting to be handled. */
  | 'WAITING'
  /** It was redriven as another run. */
  | 'REDRIVEN'
  /** It was purged. */
  | 'PURGED';

/** What becomes of an image on the engine. */
export type EngineImageFate =
  /** It stays: a version that can be run is made of it. */
  | 'NEEDED'
  /** It stays, for the reason given: somebody else uses it. */
  | 'USED'
  /** It is removed at the time given, if nothing needs it until then. */
  | 'GOES';

/** Whether a process serves many calls or one run. */
export type FunctionMode =
  /** Serves HTTP until it is stopped. */
  | 'SERVICE'
  /** One process for each run. */
  | 'JOB';

/** The order of a list of functions. */
export type FunctionOrder =
  /** Namespace and name. */
  | 'NAME'
  /** State, then namespace and name. */
  | 'STATE'
  /** When their latest event happened. */
  | 'UPDATED';

/** The lifecycle state of a function. */
export type FunctionState =
  /** Nothing has been built. */
  | 'REGISTERED'
  /** A version exists, but has never run. */
  | 'BUILT'
  /** It runs. */
  | 'RUNNING'
  /** It has run and was stopped. */
  | 'STOPPED'
  /** It was deregistered, permanently. */
  | 'DEREGISTERED';

/** A Git repository. */
export type GitSourceInput = {
  /** `https://…`, `ssh://…`, `git@host:path`, or a path on the server's disk. */
  url: string;
  /** Branch, tag or commit; the default branch if absent. */
  ref?: string | null | undefined;
  /** The folder in the repository; the root if absent. */
  path?: string | null | undefined;
};

/** A header of an invocation. */
export type HeaderInput = {
  /** Its name. */
  name: string;
  /** Its value. */
  value: string;
};

/** Who may call a function over HTTP. */
export type HttpAuth =
  /** Callers with a token or a session. */
  | 'TOKEN'
  /** Anybody. */
  | 'NONE';

/** The HTTP part of an invocation: `event.http` of the event that the function gets. */
export type HttpInput = {
  /** The method. */
  method?: string;
  /** The path below the function's address. */
  path?: string;
  /** The query, without the question mark. */
  query?: string;
  /** The headers. */
  headers?: Array<HeaderInput>;
};

/** A container image. */
export type ImageSourceInput = {
  /** Its reference. */
  image: string;
  /** The command to run instead of the image's own. */
  command?: Array<string> | null | undefined;
};

/** The stream that a line was written to. */
export type LogStream =
  /** Standard output. */
  | 'STDOUT'
  /** Standard error. */
  | 'STDERR'
  /** EventFlow itself. */
  | 'SYSTEM';

/** Whether a schedule fires while its previous run is not over. */
export type Overlap =
  /** It fires. */
  | 'ALLOW'
  /** It skips that time. */
  | 'FORBID';

/** An event to publish. */
export type PublishEventInput = {
  /** The namespace; defaults to the header `X-Namespace`, or else to the server's default. */
  namespace?: string | null | undefined;
  /** What happened: `file.uploaded`. */
  type: string;
  /** Its source; `/graphql` if absent. */
  source?: string | null | undefined;
  /** Its id within its source; the same id is the same event. Generated if absent. */
  id?: string | null | undefined;
  /** Its subject. */
  subject?: string | null | undefined;
  /** Its content. */
  data?: unknown;
};

/** A function to register. */
export type RegisterFunctionInput = {
  /** The namespace; defaults to the header `X-Namespace`, or else to the server's default. */
  namespace?: string | null | undefined;
  /** Unique in its namespace. */
  name: string;
  /** Its source. */
  source: SourceInput;
  /** A manifest that overrides the file in the source. */
  manifest?: unknown;
  /**
   * A function of the same namespace and repository: where the address of the repository was given to it with credentials, this one
   * gets them, too, unless its own address has some.
   */
  credentialsOf?: string | null | undefined;
};

/** The state of a run. */
export type RunState =
  /** It is waiting for a worker. */
  | 'QUEUED'
  /** An attempt is running. */
  | 'RUNNING'
  /** It is waiting for its next attempt. */
  | 'RETRYING'
  /** It succeeded. */
  | 'SUCCEEDED'
  /** It failed and will not be retried. */
  | 'FAILED'
  /** It exceeded its time limit and will not be retried. */
  | 'TIMED_OUT'
  /** It was cancelled. */
  | 'CANCELLED'
  /** Its last attempt failed. */
  | 'DEAD';

/** The source of a function's code. */
export type SourceInput =
  {   /** A Git repository. */
  git: GitSourceInput; bundle?: never; image?: never; }
  |  { git?: never;   /** An uploaded archive. */
  bundle: BundleSourceInput; image?: never; }
  |  { git?: never; bundle?: never;   /** A container image. */
  image: ImageSourceInput; };

/** The kinds of trigger. */
export type TriggerType =
  /** A call. */
  | 'HTTP'
  /** An event. */
  | 'EVENT'
  /** A schedule. */
  | 'SCHEDULE'
  /** A webhook delivery. */
  | 'WEBHOOK';

/** Changes for a function's next build. */
export type UpdateFunctionInput = {
  /** The function. */
  id: string;
  /** Its source; unchanged if absent. */
  source?: SourceInput | null | undefined;
  /** A manifest that overrides the file in the source; unchanged if absent. */
  manifest?: unknown;
  /** Removes the overriding manifest, so that the file in the source applies again; not together with a manifest. */
  dropManifest?: boolean;
};

/** The length of a time window. */
export type Window =
  /** The last 5 minutes. */
  | 'FIVE_MINUTES'
  /** The last hour. */
  | 'HOUR'
  /** The last 24 hours. */
  | 'DAY'
  /** The last 7 days. */
  | 'WEEK';

export type PaletteFunctionsQueryVariables = Exact<{
  search?: string | null | undefined;
}>;


export type PaletteFunctionsQuery = { functions: { nodes: Array<{ id: string, namespace: string, name: string, state: FunctionState, currentVersion: { number: number } | null }> } };

export type PaletteRunsQueryVariables = Exact<{
  prefix: string;
}>;


export type PaletteRunsQuery = { runs: { nodes: Array<{ id: string, state: RunState, queuedAt: string, function: { id: string, name: string } }> } };

export type ViewerQueryVariables = Exact<{ [key: string]: never; }>;


export type ViewerQuery = { viewer: { name: string, namespaces: Array<string> | null, defaultNamespace: string, mayWrite: boolean, server: { version: string, store: string, queue: string, executor: string, warnings: Array<string> } } };

export type BuildRowFragment = { id: string, state: BuildState, commit: string | null, error: string | null, requestedAt: string, startedAt: string | null, finishedAt: string | null, version: { number: number, image: { reference: string, digest: string, size: number | null, layers: number | null, platform: string | null, pulledAt: string | null, pullDurationMs: number | null } | null } | null };

export type BuildsQueryVariables = Exact<{
  function: string;
  after?: string | null | undefined;
}>;


export type BuildsQuery = { function: { id: string, state: FunctionState, currentVersion: { number: number, createdAt: string } | null, builds: { totalCount: number, pageInfo: { hasNextPage: boolean, endCursor: string | null }, nodes: Array<{ id: string, state: BuildState, commit: string | null, error: string | null, requestedAt: string, startedAt: string | null, finishedAt: string | null, version: { number: number, image: { reference: string, digest: string, size: number | null, layers: number | null, platform: string | null, pulledAt: string | null, pullDurationMs: number | null } | null } | null }> } } | null };

export type BuildAloneQueryVariables = Exact<{
  id: string;
}>;


export type BuildAloneQuery = { node:
    | { id: string, state: BuildState, commit: string | null, error: string | null, requestedAt: string, startedAt: string | null, finishedAt: string | null, function: { id: string }, version: { number: number, image: { reference: string, digest: string, size: number | null, layers: number | null, platform: string | null, pulledAt: string | null, pullDurationMs: number | null } | null } | null }
    | Record<PropertyKey, never>
   | null };

export type BuildChangedSubscriptionVariables = Exact<{
  function?: string | null | undefined;
  after?: number | null | undefined;
}>;


export type BuildChangedSubscription = { buildChanged: { position: number, event: { id: string, type: string }, build: { id: string, state: BuildState, commit: string | null, error: string | null, requestedAt: string, startedAt: string | null, finishedAt: string | null, version: { number: number, image: { reference: string, digest: string, size: number | null, layers: number | null, platform: string | null, pulledAt: string | null, pullDurationMs: number | null } | null } | null } } };

export type BuildFunctionMutationVariables = Exact<{
  id: string;
  ref?: string | null | undefined;
}>;


export type BuildFunctionMutation = { buildFunction: { build: { id: string, state: BuildState, commit: string | null, error: string | null, requestedAt: string, startedAt: string | null, finishedAt: string | null, version: { number: number, image: { reference: string, digest: string, size: number | null, layers: number | null, platform: string | null, pulledAt: string | null, pullDurationMs: number | null } | null } | null } | null, userErrors: Array<{ code: string, message: string, field: Array<string> | null }> } };

export type CancelBuildMutationVariables = Exact<{
  id: string;
}>;


export type CancelBuildMutation = { cancelBuild: { build: { id: string, state: BuildState, commit: string | null, error: string | null, requestedAt: string, startedAt: string | null, finishedAt: string | null, version: { number: number, image: { reference: string, digest: string, size: number | null, layers: number | null, platform: string | null, pulledAt: string | null, pullDurationMs: number | null } | null } | null } | null, userErrors: Array<{ code: string, message: string, field: Array<string> | null }> } };

export type DeadLettersQueryVariables = Exact<{
  namespace?: string | null | undefined;
  function?: string | null | undefined;
  since?: string | null | undefined;
  until?: string | null | undefined;
  after?: string | null | undefined;
}>;


export type DeadLettersQuery = { deadLetters: { totalCount: number, pageInfo: { hasNextPage: boolean, endCursor: string | null }, nodes: Array<{ id: string, version: number | null, state: RunState, trigger: string, attempt: number, error: string | null, httpStatus: number | null, exitCode: number | null, queuedAt: string, startedAt: string | null, finishedAt: string | null, dueAt: string | null, durationMs: number | null, queuedMs: number | null, coldStart: boolean | null, deadLetter: DeadLetterState | null, position: number, function: { id: string, name: string, namespace: string } }> } };

export type DeadInputQueryVariables = Exact<{
  id: string;
}>;


export type DeadInputQuery = { run: { id: string, input: unknown, inputCut: boolean } | null };

export type BecameQueryVariables = Exact<{
  id: string;
}>;


export type BecameQuery = { run: { id: string, state: RunState, deadLetter: DeadLetterState | null, redrivenAs: { id: string, version: number | null, state: RunState, trigger: string, attempt: number, error: string | null, httpStatus: number | null, exitCode: number | null, queuedAt: string, startedAt: string | null, finishedAt: string | null, dueAt: string | null, durationMs: number | null, queuedMs: number | null, coldStart: boolean | null, deadLetter: DeadLetterState | null, position: number, function: { id: string, name: string, namespace: string } } | null } | null };

export type RedriveRunMutationVariables = Exact<{
  id: string;
}>;


export type RedriveRunMutation = { redriveRun: { run: { id: string, version: number | null, state: RunState, trigger: string, attempt: number, error: string | null, httpStatus: number | null, exitCode: number | null, queuedAt: string, startedAt: string | null, finishedAt: string | null, dueAt: string | null, durationMs: number | null, queuedMs: number | null, coldStart: boolean | null, deadLetter: DeadLetterState | null, position: number, function: { id: string, name: string, namespace: string } } | null, userErrors: Array<{ code: string, message: string, field: Array<string> | null }> } };

export type RedriveAllMutationVariables = Exact<{
  namespace?: string | null | undefined;
  function?: string | null | undefined;
  since?: string | null | undefined;
  until?: string | null | undefined;
}>;


export type RedriveAllMutation = { redriveDeadLetters: { redriven: number, remaining: number, userErrors: Array<{ code: string, message: string, field: Array<string> | null }> } };

export type PurgeRunMutationVariables = Exact<{
  id: string;
}>;


export type PurgeRunMutation = { purgeRun: { run: { id: string, version: number | null, state: RunState, trigger: string, attempt: number, error: string | null, httpStatus: number | null, exitCode: number | null, queuedAt: string, startedAt: string | null, finishedAt: string | null, dueAt: string | null, durationMs: number | null, queuedMs: number | null, coldStart: boolean | null, deadLetter: DeadLetterState | null, position: number, function: { id: string, name: string, namespace: string } } | null, userErrors: Array<{ code: string, message: string, field: Array<string> | null }> } };

export type PurgeSomeMutationVariables = Exact<{
  ids: Array<string> | string;
}>;


export type PurgeSomeMutation = { purgeDeadLetters: { purged: number, remaining: number, userErrors: Array<{ code: string, message: string, field: Array<string> | null }> } };

export type PurgeAllMutationVariables = Exact<{
  namespace?: string | null | undefined;
  function?: string | null | undefined;
  since?: string | null | undefined;
  until?: string | null | undefined;
}>;


export type PurgeAllMutation = { purgeDeadLetters: { purged: number, remaining: number, userErrors: Array<{ code: string, message: string, field: Array<string> | null }> } };

export type EventRowFragment = { id: string, eventId: string, namespace: string, source: string, type: string, subject: string | null, receivedAt: string, position: number };

export type EventsQueryVariables = Exact<{
  namespace?: string | null | undefined;
  type?: string | null | undefined;
  first?: number | null | undefined;
  after?: string | null | undefined;
}>;


export type EventsQuery = { events: { totalCount: number, pageInfo: { hasNextPage: boolean, endCursor: string | null }, nodes: Array<{ id: string, eventId: string, namespace: string, source: string, type: string, subject: string | null, receivedAt: string, position: number }> } };

export type EventDetailQueryVariables = Exact<{
  id: string;
}>;


export type EventDetailQuery = { event: { time: string | null, data: unknown, cloudEvent: unknown, id: string, eventId: string, namespace: string, source: string, type: string, subject: string | null, receivedAt: string, position: number, runs: { totalCount: number, nodes: Array<{ id: string, version: number | null, state: RunState, trigger: string, attempt: number, error: string | null, httpStatus: number | null, exitCode: number | null, queuedAt: string, startedAt: string | null, finishedAt: string | null, dueAt: string | null, durationMs: number | null, queuedMs: number | null, coldStart: boolean | null, deadLetter: DeadLetterState | null, position: number, function: { id: string, name: string, namespace: string } }> } } | null };

export type EventReachQueryVariables = Exact<{
  id: string;
  search?: string | null | undefined;
}>;


export type EventReachQuery = { event: { id: string, reachTotals: { reached: number, functions: number, settled: boolean }, reach: Array<{ reached: boolean, reason: string, function: { id: string, name: string, namespace: string, state: FunctionState }, run: { id: string, version: number | null, state: RunState, trigger: string, attempt: number, error: string | null, httpStatus: number | null, exitCode: number | null, queuedAt: string, startedAt: string | null, finishedAt: string | null, dueAt: string | null, durationMs: number | null, queuedMs: number | null, coldStart: boolean | null, deadLetter: DeadLetterState | null, position: number, function: { id: string, name: string, namespace: string } } | null }> } | null };

export type EventReceivedSubscriptionVariables = Exact<{
  namespace?: string | null | undefined;
  type?: string | null | undefined;
  after?: number | null | undefined;
}>;


export type EventReceivedSubscription = { eventReceived: { position: number, event: { id: string, eventId: string, namespace: string, source: string, type: string, subject: string | null, receivedAt: string, position: number } } };

export type NamespacesQueryVariables = Exact<{ [key: string]: never; }>;


export type NamespacesQuery = { namespaces: Array<{ name: string }> };

export type WhoWaitsQueryVariables = Exact<{
  namespace: string;
  type: string;
}>;


export type WhoWaitsQuery = { functions: { totalCount: number, nodes: Array<{ id: string, name: string }> } };

export type AwaitedQueryVariables = Exact<{
  search?: string | null | undefined;
}>;


export type AwaitedQuery = { functions: { nodes: Array<{ id: string, name: string, namespace: string, triggers: Array<{ type: string, pattern: string | null, filter: unknown }> }> } };

export type ReplayEventMutationVariables = Exact<{
  id: string;
  function: string;
  version?: number | null | undefined;
}>;


export type ReplayEventMutation = { replayEvent: { run: { id: string, version: number | null, state: RunState, trigger: string, attempt: number, error: string | null, httpStatus: number | null, exitCode: number | null, queuedAt: string, startedAt: string | null, finishedAt: string | null, dueAt: string | null, durationMs: number | null, queuedMs: number | null, coldStart: boolean | null, deadLetter: DeadLetterState | null, position: number, function: { id: string, name: string, namespace: string } } | null, userErrors: Array<{ code: string, message: string, field: Array<string> | null }> } };

export type PublishEventMutationVariables = Exact<{
  input: PublishEventInput;
}>;


export type PublishEventMutation = { publishEvent: { duplicate: boolean, event: { id: string, eventId: string, namespace: string, source: string, type: string, subject: string | null, receivedAt: string, position: number } | null, userErrors: Array<{ code: string, message: string, field: Array<string> | null }> } };

export type FunctionRowFragment = { id: string, namespace: string, name: string, generation: number, state: FunctionState, stateReason: string | null, mode: FunctionMode, runtime: string, url: string | null, createdAt: string, updatedAt: string, position: number, currentVersion: { number: number, createdAt: string } | null, source: { type: string, url: string | null, ref: string | null, path: string | null, digest: string | null, image: string | null } };

export type FunctionActivityFragment = { id: string, builds: { nodes: Array<{ id: string, state: BuildState, error: string | null, requestedAt: string, finishedAt: string | null }> }, runs: { nodes: Array<{ id: string, state: RunState, httpStatus: number | null, queuedAt: string, durationMs: number | null }> }, instances: Array<{ id: string, version: number, state: string }> };

export type FunctionChangedSubscriptionVariables = Exact<{
  id?: string | null | undefined;
  after?: number | null | undefined;
}>;


export type FunctionChangedSubscription = { functionChanged: { position: number, event: { id: string, type: string }, function: { id: string, namespace: string, name: string, generation: number, state: FunctionState, stateReason: string | null, mode: FunctionMode, runtime: string, url: string | null, createdAt: string, updatedAt: string, position: number, currentVersion: { number: number, createdAt: string } | null, source: { type: string, url: string | null, ref: string | null, path: string | null, digest: string | null, image: string | null }, builds: { nodes: Array<{ id: string, state: BuildState, error: string | null, requestedAt: string, finishedAt: string | null }> }, runs: { nodes: Array<{ id: string, state: RunState, httpStatus: number | null, queuedAt: string, durationMs: number | null }> }, instances: Array<{ id: string, version: number, state: string }> } } };

export type FunctionTriggersFragment = { id: string, triggers: Array<{ type: string, pattern: string | null, filter: unknown, cron: string | null, timezone: string | null, catchUp: CatchUp | null, overlap: Overlap | null, name: string | null, scheme: string | null, secret: string | null, url: string | null, nextFireTimes: Array<string> | null, auth: HttpAuth | null, path: string | null, pathUrl: string | null, cors: { origins: Array<string>, methods: Array<string>, headers: Array<string>, credentials: boolean, maxAgeS: number } | null }> };

export type ImageOfVersionFragment = { reference: string, digest: string, size: number | null, layers: number | null, platform: string | null, pulledAt: string | null, pullDurationMs: number | null };

export type FunctionHeadQueryVariables = Exact<{
  id: string;
}>;


export type FunctionHeadQuery = { function: { id: string, namespace: string, name: string, generation: number, state: FunctionState, stateReason: string | null, mode: FunctionMode, runtime: string, url: string | null, createdAt: string, updatedAt: string, position: number, currentVersion: { number: number, createdAt: string, image: { reference: string, digest: string } | null } | null, source: { type: string, url: string | null, ref: string | null, path: string | null, digest: string | null, image: string | null }, builds: { nodes: Array<{ id: string, state: BuildState, error: string | null, requestedAt: string, finishedAt: string | null }> }, runs: { nodes: Array<{ id: string, state: RunState, httpStatus: number | null, queuedAt: string, durationMs: number | null }> }, instances: Array<{ id: string, version: number, state: string }>, triggers: Array<{ type: string, pattern: string | null, filter: unknown, cron: string | null, timezone: string | null, catchUp: CatchUp | null, overlap: Overlap | null, name: string | null, scheme: string | null, secret: string | null, url: string | null, nextFireTimes: Array<string> | null, auth: HttpAuth | null, path: string | null, pathUrl: string | null, cors: { origins: Array<string>, methods: Array<string>, headers: Array<string>, credentials: boolean, maxAgeS: number } | null }> } | null };

export type SecretsSetQueryVariables = Exact<{ [key: string]: never; }>;


export type SecretsSetQuery = { secrets: Array<{ namespace: string, name: string, setAt: string }> };

export type FunctionThenQueryVariables = Exact<{
  id: string;
  position: number;
}>;


export type FunctionThenQuery = { function: { id: string, name: string, state: FunctionState, stateReason: string | null, mode: FunctionMode, runtime: string, updatedAt: string, position: number, currentVersion: { number: number, createdAt: string, commit: string | null, manifest: unknown } | null, source: { type: string, url: string | null, ref: string | null, path: string | null, digest: string | null, image: string | null }, triggers: Array<{ type: string, pattern: string | null, cron: string | null, timezone: string | null, name: string | null }>, versions: { totalCount: number, nodes: Array<{ number: number, commit: string | null, createdAt: string }> }, builds: { nodes: Array<{ id: string, state: BuildState, error: string | null }> } } | null };

export type RegisterFunctionMutationVariables = Exact<{
  input: RegisterFunctionInput;
}>;


export type RegisterFunctionMutation = { registerFunction: { function: { id: string, namespace: string, name: string, generation: number, state: FunctionState, stateReason: string | null, mode: FunctionMode, runtime: string, url: string | null, createdAt: string, updatedAt: string, position: number, currentVersion: { number: number, createdAt: string } | null, source: { type: string, url: string | null, ref: string | null, path: string | null, digest: string | null, image: string | null } } | null, userErrors: Array<{ code: string, message: string, field: Array<string> | null }> } };

export type StartFunctionMutationVariables = Exact<{
  id: string;
}>;


export type StartFunctionMutation = { startFunction: { function: { id: string, namespace: string, name: string, generation: number, state: FunctionState, stateReason: string | null, mode: FunctionMode, runtime: string, url: string | null, createdAt: string, updatedAt: string, position: number, currentVersion: { number: number, createdAt: string } | null, source: { type: string, url: string | null, ref: string | null, path: string | null, digest: string | null, image: string | null } } | null, userErrors: Array<{ code: string, message: string, field: Array<string> | null }> } };

export type StopFunctionMutationVariables = Exact<{
  id: string;
}>;


export type StopFunctionMutation = { stopFunction: { function: { id: string, namespace: string, name: string, generation: number, state: FunctionState, stateReason: string | null, mode: FunctionMode, runtime: string, url: string | null, createdAt: string, updatedAt: string, position: number, currentVersion: { number: number, createdAt: string } | null, source: { type: string, url: string | null, ref: string | null, path: string | null, digest: string | null, image: string | null } } | null, userErrors: Array<{ code: string, message: string, field: Array<string> | null }> } };

export type DeregisterFunctionMutationVariables = Exact<{
  id: string;
}>;


export type DeregisterFunctionMutation = { deregisterFunction: { function: { id: string, namespace: string, name: string, generation: number, state: FunctionState, stateReason: string | null, mode: FunctionMode, runtime: string, url: string | null, createdAt: string, updatedAt: string, position: number, currentVersion: { number: number, createdAt: string } | null, source: { type: string, url: string | null, ref: string | null, path: string | null, digest: string | null, image: string | null } } | null, userErrors: Array<{ code: string, message: string, field: Array<string> | null }> } };

export type RollbackFunctionMutationVariables = Exact<{
  id: string;
  version?: number | null | undefined;
  reason?: string | null | undefined;
}>;


export type RollbackFunctionMutation = { rollbackFunction: { function: { id: string, namespace: string, name: string, generation: number, state: FunctionState, stateReason: string | null, mode: FunctionMode, runtime: string, url: string | null, createdAt: string, updatedAt: string, position: number, currentVersion: { number: number, createdAt: string } | null, source: { type: string, url: string | null, ref: string | null, path: string | null, digest: string | null, image: string | null } } | null, userErrors: Array<{ code: string, message: string, field: Array<string> | null }> } };

export type InvokeFunctionMutationVariables = Exact<{
  id: string;
  payload?: unknown;
  wait?: boolean | null | undefined;
  http?: HttpInput | null | undefined;
}>;


export type InvokeFunctionMutation = { invokeFunction: { run: { id: string, version: number | null, state: RunState, trigger: string, attempt: number, error: string | null, httpStatus: number | null, exitCode: number | null, queuedAt: string, startedAt: string | null, finishedAt: string | null, dueAt: string | null, durationMs: number | null, queuedMs: number | null, coldStart: boolean | null, deadLetter: DeadLetterState | null, output: unknown, outputCut: boolean, position: number, function: { id: string, name: string, namespace: string } } | null, userErrors: Array<{ code: string, message: string, field: Array<string> | null }> } };

export type FunctionNamedQueryVariables = Exact<{
  namespace: string;
  name: string;
}>;


export type FunctionNamedQuery = { function: { id: string, name: string, state: FunctionState } | null };

export type BeforeStartQueryVariables = Exact<{
  id: string;
}>;


export type BeforeStartQuery = { function: { id: string, currentVersion: { number: number, createdAt: string, manifest: unknown } | null } | null, secrets: Array<{ namespace: string, name: string, setAt: string }> };

export type PickFunctionQueryVariables = Exact<{
  namespace?: string | null | undefined;
  search?: string | null | undefined;
}>;


export type PickFunctionQuery = { functions: { totalCount: number, nodes: Array<{ id: string, name: string, namespace: string }> } };

export type FunctionNamesQueryVariables = Exact<{
  id: string;
}>;


export type FunctionNamesQuery = { function: { id: string, name: string, namespace: string } | null };

export type FunctionsQueryVariables = Exact<{
  namespace?: string | null | undefined;
  state?: FunctionState | null | undefined;
  search?: string | null | undefined;
  mode?: FunctionMode | null | undefined;
  runtime?: string | null | undefined;
  trigger?: TriggerType | null | undefined;
  buildFailed?: boolean | null | undefined;
  orderBy?: FunctionOrder | null | undefined;
  descending?: boolean | null | undefined;
  after?: string | null | undefined;
}>;


export type FunctionsQuery = { functions: { totalCount: number, pageInfo: { hasNextPage: boolean, endCursor: string | null }, nodes: Array<{ id: string, namespace: string, name: string, generation: number, state: FunctionState, stateReason: string | null, mode: FunctionMode, runtime: string, url: string | null, createdAt: string, updatedAt: string, position: number, currentVersion: { number: number, createdAt: string } | null, source: { type: string, url: string | null, ref: string | null, path: string | null, digest: string | null, image: string | null }, builds: { nodes: Array<{ id: string, state: BuildState, error: string | null, requestedAt: string, finishedAt: string | null }> }, runs: { nodes: Array<{ id: string, state: RunState, httpStatus: number | null, queuedAt: string, durationMs: number | null }> }, instances: Array<{ id: string, version: number, state: string }> }> } };

export type FunctionsCallsQueryVariables = Exact<{
  namespace?: string | null | undefined;
  state?: FunctionState | null | undefined;
  search?: string | null | undefined;
  mode?: FunctionMode | null | undefined;
  runtime?: string | null | undefined;
  trigger?: TriggerType | null | undefined;
  buildFailed?: boolean | null | undefined;
  orderBy?: FunctionOrder | null | undefined;
  descending?: boolean | null | undefined;
  after?: string | null | undefined;
}>;


export type FunctionsCallsQuery = { functions: { pageInfo: { hasNextPage: boolean, endCursor: string | null }, nodes: Array<{ id: string, calls: Array<{ at: string, calls: number, errors: number }> }> } };

export type OfferedFoldersQueryVariables = Exact<{
  build: string;
}>;


export type OfferedFoldersQuery = { node:
    | { id: string, source: { type: string, url: string | null, ref: string | null, path: string | null }, offeredFolders: Array<{ path: string, recognizedAs: string, suggestedName: string | null, function: { id: string, name: string } | null }> }
    | Record<PropertyKey, never>
   | null };

export type FunctionOverviewQueryVariables = Exact<{
  id: string;
  window: Window;
}>;


export type FunctionOverviewQuery = { function: { id: string, namespace: string, name: string, generation: number, state: FunctionState, stateReason: string | null, mode: FunctionMode, runtime: string, url: string | null, createdAt: string, updatedAt: string, position: number, currentVersion: { number: number, createdAt: string, commit: string | null, size: number | null, image: { reference: string, digest: string, size: number | null, layers: number | null, platform: string | null, pulledAt: string | null, pullDurationMs: number | null } | null } | null, versions: { totalCount: number }, instances: Array<{ id: string, version: number, state: string, inFlight: number, startedAt: string }>, calls: Array<{ at: string, calls: number, errors: number }>, recent: { nodes: Array<{ id: string, state: RunState, error: string | null, queuedAt: string, finishedAt: string | null, version: number | null, trigger: string }> }, source: { type: string, url: string | null, ref: string | null, path: string | null, digest: string | null, image: string | null }, builds: { nodes: Array<{ id: string, state: BuildState, error: string | null, requestedAt: string, finishedAt: string | null }> }, runs: { nodes: Array<{ id: string, state: RunState, httpStatus: number | null, queuedAt: string, durationMs: number | null }> }, triggers: Array<{ type: string, pattern: string | null, filter: unknown, cron: string | null, timezone: string | null, catchUp: CatchUp | null, overlap: Overlap | null, name: string | null, scheme: string | null, secret: string | null, url: string | null, nextFireTimes: Array<string> | null, auth: HttpAuth | null, path: string | null, pathUrl: string | null, cors: { origins: Array<string>, methods: Array<string>, headers: Array<string>, credentials: boolean, maxAgeS: number } | null }> } | null, metrics: { invocations: number, errors: number, coldStarts: number, p50Ms: number | null, p95Ms: number | null, waiting: number, running: number } };

export type FunctionInstancesQueryVariables = Exact<{
  id: string;
}>;


export type FunctionInstancesQuery = { function: { id: string, instances: Array<{ id: string, version: number, state: string, inFlight: number, startedAt: string, containerId: string | null, node: string | null, address: string | null, restarts: number, usage: { cpu: number | null, memory: number | null, memoryLimit: number | null } | null }> } | null };

export type FunctionSettingsQueryVariables = Exact<{
  id: string;
}>;


export type FunctionSettingsQuery = { function: { manifestOverride: unknown, id: string, namespace: string, name: string, generation: number, state: FunctionState, stateReason: string | null, mode: FunctionMode, runtime: string, url: string | null, createdAt: string, updatedAt: string, position: number, source: { type: string, url: string | null, ref: string | null, path: string | null, digest: string | null, image: string | null, command: Array<string> | null }, currentVersion: { number: number, createdAt: string, manifest: unknown } | null, versions: { nodes: Array<{ number: number, createdAt: string }> }, triggers: Array<{ type: string, pattern: string | null, filter: unknown, cron: string | null, timezone: string | null, catchUp: CatchUp | null, overlap: Overlap | null, name: string | null, scheme: string | null, secret: string | null, url: string | null, nextFireTimes: Array<string> | null, auth: HttpAuth | null, path: string | null, pathUrl: string | null, cors: { origins: Array<string>, methods: Array<string>, headers: Array<string>, credentials: boolean, maxAgeS: number } | null }> } | null, secrets: Array<{ namespace: string, name: string, setAt: string }> };

export type UpdateFunctionMutationVariables = Exact<{
  input: UpdateFunctionInput;
}>;


export type UpdateFunctionMutation = { updateFunction: { function: { manifestOverride: unknown, id: string, namespace: string, name: string, generation: number, state: FunctionState, stateReason: string | null, mode: FunctionMode, runtime: string, url: string | null, createdAt: string, updatedAt: string, position: number, currentVersion: { number: number, createdAt: string } | null, source: { type: string, url: string | null, ref: string | null, path: string | null, digest: string | null, image: string | null } } | null, userErrors: Array<{ code: string, message: string, field: Array<string> | null }> } };

export type SetSecretMutationVariables = Exact<{
  namespace: string;
  name: string;
  value: string;
}>;


export type SetSecretMutation = { setSecret: { secret: { namespace: string, name: string, setAt: string } | null, userErrors: Array<{ code: string, message: string, field: Array<string> | null }> } };

export type RemoveSecretMutationVariables = Exact<{
  namespace: string;
  name: string;
}>;


export type RemoveSecretMutation = { removeSecret: { secret: { namespace: string, name: string, setAt: string } | null, userErrors: Array<{ code: string, message: string, field: Array<string> | null }> } };

export type FireTimesQueryVariables = Exact<{
  cron: string;
  timezone: string;
}>;


export type FireTimesQuery = { fireTimes: Array<string> };

export type VersionRowFragment = { number: number, digest: string, commit: string | null, createdAt: string, size: number | null, manifest: unknown, image: { reference: string, digest: string, size: number | null, layers: number | null, platform: string | null, pulledAt: string | null, pullDurationMs: number | null } | null, build: { id: string } | null };

export type FunctionVersionsQueryVariables = Exact<{
  id: string;
  after?: string | null | undefined;
}>;


export type FunctionVersionsQuery = { function: { id: string, name: string, source: { type: string }, currentVersion: { number: number, createdAt: string } | null, versions: { totalCount: number, pageInfo: { hasNextPage: boolean, endCursor: string | null }, edges: Array<{ cursor: string, node: { number: number, digest: string, commit: string | null, createdAt: string, size: number | null, manifest: unknown, image: { reference: string, digest: string, size: number | null, layers: number | null, platform: string | null, pulledAt: string | null, pullDurationMs: number | null } | null, build: { id: string } | null } }> } } | null };

export type VersionFilesQueryVariables = Exact<{
  id: string;
  after?: string | null | undefined;
}>;


export type VersionFilesQuery = { function: { versions: { nodes: Array<{ number: number, files: Array<{ path: string, size: number, sha256: string }> | null }> } } | null };

export type VersionFileQueryVariables = Exact<{
  id: string;
  after?: string | null | undefined;
  path: string;
}>;


export type VersionFileQuery = { function: { versions: { nodes: Array<{ number: number, file: { size: number, text: string | null } | null }> } } | null };

export type RecordFragment = { id: string, stream: string, version: number, type: string, data: unknown, at: string, actor: string | null, causationId: string | null, correlationId: string | null, position: number };

export type HistoryQueryVariables = Exact<{
  stream?: string | null | undefined;
  after?: string | null | undefined;
}>;


export type HistoryQuery = { history: { totalCount: number, pageInfo: { hasNextPage: boolean, endCursor: string | null }, nodes: Array<{ id: string, stream: string, version: number, type: string, data: unknown, at: string, actor: string | null, causationId: string | null, correlationId: string | null, position: number }> } };

export type HistoryGrewSubscriptionVariables = Exact<{
  stream?: string | null | undefined;
  after?: number | null | undefined;
}>;


export type HistoryGrewSubscription = { history: { id: string, stream: string, version: number, type: string, data: unknown, at: string, actor: string | null, causationId: string | null, correlationId: string | null, position: number } };

export type LogLineFragment = { at: string, stream: LogStream, text: string, run: string | null, instance: string | null, position: number };

export type BuildLinesSubscriptionVariables = Exact<{
  build: string;
  after?: number | null | undefined;
}>;


export type BuildLinesSubscription = { buildLog: { at: string, stream: LogStream, text: string, run: string | null, instance: string | null, position: number } };

export type LinesSubscriptionVariables = Exact<{
  function?: string | null | undefined;
  run?: string | null | undefined;
  after?: number | null | undefined;
}>;


export type LinesSubscription = { logs: { at: string, stream: LogStream, text: string, run: string | null, instance: string | null, position: number } };

export type FunctionLinesQueryVariables = Exact<{
  function: string;
  before?: number | null | undefined;
}>;


export type FunctionLinesQuery = { function: { id: string, log: Array<{ at: string, stream: LogStream, text: string, run: string | null, instance: string | null, position: number }> } | null };

export type NumbersFragment = { since: string, invocations: number, errors: number, coldStarts: number, p50Ms: number | null, p95Ms: number | null, p99Ms: number | null, waiting: number, running: number, points: Array<{ at: string, invocations: number, errors: number, coldStarts: number, p50Ms: number | null, p95Ms: number | null, p99Ms: number | null, waiting: number, running: number }> };

export type FunctionMetricsQueryVariables = Exact<{
  id: string;
  window: Window;
}>;


export type FunctionMetricsQuery = { metrics: { since: string, invocations: number, errors: number, coldStarts: number, p50Ms: number | null, p95Ms: number | null, p99Ms: number | null, waiting: number, running: number, points: Array<{ at: string, invocations: number, errors: number, coldStarts: number, p50Ms: number | null, p95Ms: number | null, p99Ms: number | null, waiting: number, running: number }> }, function: { id: string, mode: FunctionMode, state: FunctionState, instances: Array<{ id: string, state: string, inFlight: number }> } | null };

export type AllMetricsQueryVariables = Exact<{
  window: Window;
}>;


export type AllMetricsQuery = { metrics: { since: string, invocations: number, errors: number, coldStarts: number, p50Ms: number | null, p95Ms: number | null, p99Ms: number | null, waiting: number, running: number, points: Array<{ at: string, invocations: number, errors: number, coldStarts: number, p50Ms: number | null, p95Ms: number | null, p99Ms: number | null, waiting: number, running: number }> } };

export type RunRowFragment = { id: string, version: number | null, state: RunState, trigger: string, attempt: number, error: string | null, httpStatus: number | null, exitCode: number | null, queuedAt: string, startedAt: string | null, finishedAt: string | null, dueAt: string | null, durationMs: number | null, queuedMs: number | null, coldStart: boolean | null, deadLetter: DeadLetterState | null, position: number, function: { id: string, name: string, namespace: string } };

export type RunResultFragment = { id: string, output: unknown, outputCut: boolean };

export type RunsQueryVariables = Exact<{
  function?: string | null | undefined;
  state?: RunState | null | undefined;
  trigger?: string | null | undefined;
  version?: number | null | undefined;
  since?: string | null | undefined;
  until?: string | null | undefined;
  event?: string | null | undefined;
  after?: string | null | undefined;
}>;


export type RunsQuery = { runs: { totalCount: number, pageInfo: { hasNextPage: boolean, endCursor: string | null }, nodes: Array<{ id: string, version: number | null, state: RunState, trigger: string, attempt: number, error: string | null, httpStatus: number | null, exitCode: number | null, queuedAt: string, startedAt: string | null, finishedAt: string | null, dueAt: string | null, durationMs: number | null, queuedMs: number | null, coldStart: boolean | null, deadLetter: DeadLetterState | null, position: number, function: { id: string, name: string, namespace: string } }> } };

export type RunDotsQueryVariables = Exact<{
  function?: string | null | undefined;
  state?: RunState | null | undefined;
  trigger?: string | null | undefined;
  version?: number | null | undefined;
  since?: string | null | undefined;
  until?: string | null | undefined;
  event?: string | null | undefined;
  after?: string | null | undefined;
}>;


export type RunDotsQuery = { runs: { nodes: Array<{ id: string, state: RunState, queuedAt: string, durationMs: number | null }> } };

export type RunTotalsQueryVariables = Exact<{
  function?: string | null | undefined;
  trigger?: string | null | undefined;
  version?: number | null | undefined;
  since?: string | null | undefined;
  until?: string | null | undefined;
  event?: string | null | undefined;
}>;


export type RunTotalsQuery = { runCounts: Array<{ state: RunState, count: number }> };

export type VersionNumbersQueryVariables = Exact<{
  function: string;
}>;


export type VersionNumbersQuery = { function: { id: string, currentVersion: { number: number } | null, versions: { nodes: Array<{ number: number }> } } | null };

export type RunChangedSubscriptionVariables = Exact<{
  function?: string | null | undefined;
  after?: number | null | undefined;
}>;


export type RunChangedSubscription = { runChanged: { position: number, event: { id: string, type: string }, run: { id: string, version: number | null, state: RunState, trigger: string, attempt: number, error: string | null, httpStatus: number | null, exitCode: number | null, queuedAt: string, startedAt: string | null, finishedAt: string | null, dueAt: string | null, durationMs: number | null, queuedMs: number | null, coldStart: boolean | null, deadLetter: DeadLetterState | null, position: number, function: { id: string, name: string, namespace: string } } } };

export type RunQueryVariables = Exact<{
  id: string;
}>;


export type RunQuery = { run: { input: unknown, inputCut: boolean, instance: string | null, id: string, version: number | null, state: RunState, trigger: string, attempt: number, error: string | null, httpStatus: number | null, exitCode: number | null, queuedAt: string, startedAt: string | null, finishedAt: string | null, dueAt: string | null, durationMs: number | null, queuedMs: number | null, coldStart: boolean | null, deadLetter: DeadLetterState | null, output: unknown, outputCut: boolean, position: number, callback: { url: string, state: CallbackState, failures: number, dueAt: string | null, error: string | null, finishedAt: string | null } | null, redrivenAs: { id: string, state: RunState } | null, replayedFrom: { id: string, state: RunState } | null, replays: { totalCount: number, nodes: Array<{ id: string, state: RunState, queuedAt: string, version: number | null }> }, event: { id: string, type: string, source: string, runs: { totalCount: number, nodes: Array<{ id: string, state: RunState, queuedAt: string, replayedFrom: { id: string } | null, function: { id: string, name: string, namespace: string } }> } } | null, function: { id: string, name: string, namespace: string } } | null };

export type ReplayRunMutationVariables = Exact<{
  id: string;
  version?: number | null | undefined;
  payload?: unknown;
}>;


export type ReplayRunMutation = { replayRun: { run: { id: string, version: number | null, state: RunState, trigger: string, attempt: number, error: string | null, httpStatus: number | null, exitCode: number | null, queuedAt: string, startedAt: string | null, finishedAt: string | null, dueAt: string | null, durationMs: number | null, queuedMs: number | null, coldStart: boolean | null, deadLetter: DeadLetterState | null, position: number, function: { id: string, name: string, namespace: string } } | null, userErrors: Array<{ code: string, message: string, field: Array<string> | null }> } };

export type CancelRunMutationVariables = Exact<{
  id: string;
}>;


export type CancelRunMutation = { cancelRun: { run: { id: string, version: number | null, state: RunState, trigger: string, attempt: number, error: string | null, httpStatus: number | null, exitCode: number | null, queuedAt: string, startedAt: string | null, finishedAt: string | null, dueAt: string | null, durationMs: number | null, queuedMs: number | null, coldStart: boolean | null, deadLetter: DeadLetterState | null, position: number, function: { id: string, name: string, namespace: string } } | null, userErrors: Array<{ code: string, message: string, field: Array<string> | null }> } };

export type HealthQueryVariables = Exact<{ [key: string]: never; }>;


export type HealthQuery = { viewer: { server: { degraded: Array<string>, nodes: Array<string>, leader: string | null, logPosition: number, relayPosition: number } } };

export type EngineImagesQueryVariables = Exact<{ [key: string]: never; }>;


export type EngineImagesQuery = { viewer: { server: { engineImages: Array<{ id: string, tags: Array<string>, size: number, fate: EngineImageFate, reason: string | null, goesAt: string | null }> | null } } };

export type RefusalFragment = { code: string, message: string, field: Array<string> | null };

// Documents are texts; urql takes them as they are, and parses each when it is first asked.
export const PaletteFunctionsDocument = "query PaletteFunctions($search:String){functions(search:$search first:20){nodes{id namespace name state currentVersion{number}}}}" as unknown as TypedDocumentNode<PaletteFunctionsQuery, PaletteFunctionsQueryVariables>;
export const PaletteRunsDocument = "query PaletteRuns($prefix:String!){runs(idPrefix:$prefix first:10){nodes{id state queuedAt function{id name}}}}" as unknown as TypedDocumentNode<PaletteRunsQuery, PaletteRunsQueryVariables>;
export const ViewerDocument = "query Viewer{viewer{name namespaces defaultNamespace mayWrite server{version store queue executor warnings}}}" as unknown as TypedDocumentNode<ViewerQuery, ViewerQueryVariables>;
export const BuildsDocument = "query Builds($function:ID!$after:String){function(id:$function){id state currentVersion{number createdAt}builds(first:50 after:$after){totalCount pageInfo{hasNextPage endCursor}nodes{...BuildRow}}}}fragment BuildRow on Build{id state commit error requestedAt startedAt finishedAt version{number image{...ImageOfVersion}}}fragment ImageOfVersion on VersionImage{reference digest size layers platform pulledAt pullDurationMs}" as unknown as TypedDocumentNode<BuildsQuery, BuildsQueryVariables>;
export const BuildAloneDocument = "query BuildAlone($id:ID!){node(id:$id){...on Build{...BuildRow function{id}}}}fragment BuildRow on Build{id state commit error requestedAt startedAt finishedAt version{number image{...ImageOfVersion}}}fragment ImageOfVersion on VersionImage{reference digest size layers platform pulledAt pullDurationMs}" as unknown as TypedDocumentNode<BuildAloneQuery, BuildAloneQueryVariables>;
export const BuildChangedDocument = "subscription BuildChanged($function:ID$after:Position){buildChanged(function:$function afterLogPosition:$after){position:logPosition event{id type}build{...BuildRow}}}fragment BuildRow on Build{id state commit error requestedAt startedAt finishedAt version{number image{...ImageOfVersion}}}fragment ImageOfVersion on VersionImage{reference digest size layers platform pulledAt pullDurationMs}" as unknown as TypedDocumentNode<BuildChangedSubscription, BuildChangedSubscriptionVariables>;
export const BuildFunctionDocument = "mutation BuildFunction($id:ID!$ref:String){buildFunction(id:$id ref:$ref){build{...BuildRow}userErrors{...Refusal}}}fragment BuildRow on Build{id state commit error requestedAt startedAt finishedAt version{number image{...ImageOfVersion}}}fragment ImageOfVersion on VersionImage{reference digest size layers platform pulledAt pullDurationMs}fragment Refusal on UserError{code message field}" as unknown as TypedDocumentNode<BuildFunctionMutation, BuildFunctionMutationVariables>;
export const CancelBuildDocument = "mutation CancelBuild($id:ID!){cancelBuild(id:$id){build{...BuildRow}userErrors{...Refusal}}}fragment BuildRow on Build{id state commit error requestedAt startedAt finishedAt version{number image{...ImageOfVersion}}}fragment ImageOfVersion on VersionImage{reference digest size layers platform pulledAt pullDurationMs}fragment Refusal on UserError{code message field}" as unknown as TypedDocumentNode<CancelBuildMutation, CancelBuildMutationVariables>;
export const DeadLettersDocument = "query DeadLetters($namespace:String$function:ID$since:DateTime$until:DateTime$after:String){deadLetters(namespace:$namespace function:$function since:$since until:$until first:50 after:$after){totalCount pageInfo{hasNextPage endCursor}nodes{...RunRow}}}fragment RunRow on Run{id version state trigger attempt error httpStatus exitCode queuedAt startedAt finishedAt dueAt durationMs queuedMs coldStart deadLetter position:logPosition function{id name namespace}}" as unknown as TypedDocumentNode<DeadLettersQuery, DeadLettersQueryVariables>;
export const DeadInputDocument = "query DeadInput($id:ID!){run(id:$id){id input inputCut}}" as unknown as TypedDocumentNode<DeadInputQuery, DeadInputQueryVariables>;
export const BecameDocument = "query Became($id:ID!){run(id:$id){id state deadLetter redrivenAs{...RunRow}}}fragment RunRow on Run{id version state trigger attempt error httpStatus exitCode queuedAt startedAt finishedAt dueAt durationMs queuedMs coldStart deadLetter position:logPosition function{id name namespace}}" as unknown as TypedDocumentNode<BecameQuery, BecameQueryVariables>;
export const RedriveRunDocument = "mutation RedriveRun($id:ID!){redriveRun(id:$id){run{...RunRow}userErrors{...Refusal}}}fragment Refusal on UserError{code message field}fragment RunRow on Run{id version state trigger attempt error httpStatus exitCode queuedAt startedAt finishedAt dueAt durationMs queuedMs coldStart deadLetter position:logPosition function{id name namespace}}" as unknown as TypedDocumentNode<RedriveRunMutation, RedriveRunMutationVariables>;
export const RedriveAllDocument = "mutation RedriveAll($namespace:String$function:ID$since:DateTime$until:DateTime){redriveDeadLetters(namespace:$namespace function:$function since:$since until:$until){redriven remaining userErrors{...Refusal}}}fragment Refusal on UserError{code message field}" as unknown as TypedDocumentNode<RedriveAllMutation, RedriveAllMutationVariables>;
export const PurgeRunDocument = "mutation PurgeRun($id:ID!){purgeRun(id:$id){run{...RunRow}userErrors{...Refusal}}}fragment Refusal on UserError{code message field}fragment RunRow on Run{id version state trigger attempt error httpStatus exitCode queuedAt startedAt finishedAt dueAt durationMs queuedMs coldStart deadLetter position:logPosition function{id name namespace}}" as unknown as TypedDocumentNode<PurgeRunMutation, PurgeRunMutationVariables>;
export const PurgeSomeDocument = "mutation PurgeSome($ids:[ID!]!){purgeDeadLetters(ids:$ids){purged remaining userErrors{...Refusal}}}fragment Refusal on UserError{code message field}" as unknown as TypedDocumentNode<PurgeSomeMutation, PurgeSomeMutationVariables>;
export const PurgeAllDocument = "mutation PurgeAll($namespace:String$function:ID$since:DateTime$until:DateTime){purgeDeadLetters(namespace:$namespace function:$function since:$since until:$until){purged remaining userErrors{...Refusal}}}fragment Refusal on UserError{code message field}" as unknown as TypedDocumentNode<PurgeAllMutation, PurgeAllMutationVariables>;
export const EventsDocument = "query Events($namespace:String$type:String$first:Int$after:String){events(namespace:$namespace type:$type first:$first after:$after){totalCount pageInfo{hasNextPage endCursor}nodes{...EventRow}}}fragment EventRow on Event{id eventId namespace source type subject receivedAt position:logPosition}" as unknown as TypedDocumentNode<EventsQuery, EventsQueryVariables>;
export const EventDetailDocument = "query EventDetail($id:ID!){event(id:$id){...EventRow time data cloudEvent runs(first:20){totalCount nodes{...RunRow}}}}fragment EventRow on Event{id eventId namespace source type subject receivedAt position:logPosition}fragment RunRow on Run{id version state trigger attempt error httpStatus exitCode queuedAt startedAt finishedAt dueAt durationMs queuedMs coldStart deadLetter position:logPosition function{id name namespace}}" as unknown as TypedDocumentNode<EventDetailQuery, EventDetailQueryVariables>;
export const EventReachDocument = "query EventReach($id:ID!$search:String){event(id:$id){id reachTotals{reached functions settled}reach(search:$search){reached reason function{id name namespace state}run{...RunRow}}}}fragment RunRow on Run{id version state trigger attempt error httpStatus exitCode queuedAt startedAt finishedAt dueAt durationMs queuedMs coldStart deadLetter position:logPosition function{id name namespace}}" as unknown as TypedDocumentNode<EventReachQuery, EventReachQueryVariables>;
export const EventReceivedDocument = "subscription EventReceived($namespace:String$type:String$after:Position){eventReceived(namespace:$namespace type:$type afterLogPosition:$after){position:logPosition event{...EventRow}}}fragment EventRow on Event{id eventId namespace source type subject receivedAt position:logPosition}" as unknown as TypedDocumentNode<EventReceivedSubscription, EventReceivedSubscriptionVariables>;
export const NamespacesDocument = "query Namespaces{namespaces{name}}" as unknown as TypedDocumentNode<NamespacesQuery, NamespacesQueryVariables>;
export const WhoWaitsDocument = "query WhoWaits($namespace:String!$type:String!){functions(namespace:$namespace eventType:$type state:RUNNING first:3){totalCount nodes{id name}}}" as unknown as TypedDocumentNode<WhoWaitsQuery, WhoWaitsQueryVariables>;
export const AwaitedDocument = "query Awaited($search:String){functions(trigger:EVENT search:$search first:20){nodes{id name namespace triggers{type pattern filter}}}}" as unknown as TypedDocumentNode<AwaitedQuery, AwaitedQueryVariables>;
export const ReplayEventDocument = "mutation ReplayEvent($id:ID!$function:ID!$version:Int){replayEvent(id:$id function:$function version:$version){run{...RunRow}userErrors{...Refusal}}}fragment Refusal on UserError{code message field}fragment RunRow on Run{id version state trigger attempt error httpStatus exitCode queuedAt startedAt finishedAt dueAt durationMs queuedMs coldStart deadLetter position:logPosition function{id name namespace}}" as unknown as TypedDocumentNode<ReplayEventMutation, ReplayEventMutationVariables>;
export const PublishEventDocument = "mutation PublishEvent($input:PublishEventInput!){publishEvent(input:$input){duplicate event{...EventRow}userErrors{...Refusal}}}fragment EventRow on Event{id eventId namespace source type subject receivedAt position:logPosition}fragment Refusal on UserError{code message field}" as unknown as TypedDocumentNode<PublishEventMutation, PublishEventMutationVariables>;
export const FunctionChangedDocument = "subscription FunctionChanged($id:ID$after:Position){functionChanged(id:$id afterLogPosition:$after){position:logPosition event{id type}function{...FunctionRow ...FunctionActivity}}}fragment FunctionActivity on Function{id builds(first:1){nodes{id state error requestedAt finishedAt}}runs(first:1){nodes{id state httpStatus queuedAt durationMs}}instances{id version state}}fragment FunctionRow on Function{id namespace name generation state stateReason mode runtime url position:logPosition createdAt updatedAt currentVersion{number createdAt}source{type url ref path digest image}}" as unknown as TypedDocumentNode<FunctionChangedSubscription, FunctionChangedSubscriptionVariables>;
export const FunctionHeadDocument = "query FunctionHead($id:ID!){function(id:$id){...FunctionRow ...FunctionActivity ...FunctionTriggers currentVersion{image{reference digest}}}}fragment FunctionActivity on Function{id builds(first:1){nodes{id state error requestedAt finishedAt}}runs(first:1){nodes{id state httpStatus queuedAt durationMs}}instances{id version state}}fragment FunctionRow on Function{id namespace name generation state stateReason mode runtime url position:logPosition createdAt updatedAt currentVersion{number createdAt}source{type url ref path digest image}}fragment FunctionTriggers on Function{id triggers{type pattern filter cron timezone catchUp overlap name scheme secret url nextFireTimes auth path pathUrl cors{origins methods headers credentials maxAgeS}}}" as unknown as TypedDocumentNode<FunctionHeadQuery, FunctionHeadQueryVariables>;
export const SecretsSetDocument = "query SecretsSet{secrets{namespace name setAt}}" as unknown as TypedDocumentNode<SecretsSetQuery, SecretsSetQueryVariables>;
export const FunctionThenDocument = "query FunctionThen($id:ID!$position:Position!){function(id:$id asOfLogPosition:$position){id name state stateReason mode runtime position:logPosition updatedAt currentVersion{number createdAt commit manifest}source{type url ref path digest image}triggers{type pattern cron timezone name}versions(first:20){totalCount nodes{number commit createdAt}}builds(first:5){nodes{id state error}}}}" as unknown as TypedDocumentNode<FunctionThenQuery, FunctionThenQueryVariables>;
export const RegisterFunctionDocument = "mutation RegisterFunction($input:RegisterFunctionInput!){registerFunction(input:$input){function{...FunctionRow}userErrors{...Refusal}}}fragment FunctionRow on Function{id namespace name generation state stateReason mode runtime url position:logPosition createdAt updatedAt currentVersion{number createdAt}source{type url ref path digest image}}fragment Refusal on UserError{code message field}" as unknown as TypedDocumentNode<RegisterFunctionMutation, RegisterFunctionMutationVariables>;
export const StartFunctionDocument = "mutation StartFunction($id:ID!){startFunction(id:$id){function{...FunctionRow}userErrors{...Refusal}}}fragment FunctionRow on Function{id namespace name generation state stateReason mode runtime url position:logPosition createdAt updatedAt currentVersion{number createdAt}source{type url ref path digest image}}fragment Refusal on UserError{code message field}" as unknown as TypedDocumentNode<StartFunctionMutation, StartFunctionMutationVariables>;
export const StopFunctionDocument = "mutation StopFunction($id:ID!){stopFunction(id:$id){function{...FunctionRow}userErrors{...Refusal}}}fragment FunctionRow on Function{id namespace name generation state stateReason mode runtime url position:logPosition createdAt updatedAt currentVersion{number createdAt}source{type url ref path digest image}}fragment Refusal on UserError{code message field}" as unknown as TypedDocumentNode<StopFunctionMutation, StopFunctionMutationVariables>;
export const DeregisterFunctionDocument = "mutation DeregisterFunction($id:ID!){deregisterFunction(id:$id){function{...FunctionRow}userErrors{...Refusal}}}fragment FunctionRow on Function{id namespace name generation state stateReason mode runtime url position:logPosition createdAt updatedAt currentVersion{number createdAt}source{type url ref path digest image}}fragment Refusal on UserError{code message field}" as unknown as TypedDocumentNode<DeregisterFunctionMutation, DeregisterFunctionMutationVariables>;
export const RollbackFunctionDocument = "mutation RollbackFunction($id:ID!$version:Int$reason:String){rollbackFunction(id:$id version:$version reason:$reason){function{...FunctionRow}userErrors{...Refusal}}}fragment FunctionRow on Function{id namespace name generation state stateReason mode runtime url position:logPosition createdAt updatedAt currentVersion{number createdAt}source{type url ref path digest image}}fragment Refusal on UserError{code message field}" as unknown as TypedDocumentNode<RollbackFunctionMutation, RollbackFunctionMutationVariables>;
export const InvokeFunctionDocument = "mutation InvokeFunction($id:ID!$payload:JSON$wait:Boolean$http:HttpInput){invokeFunction(id:$id payload:$payload wait:$wait http:$http){run{...RunRow ...RunResult}userErrors{...Refusal}}}fragment Refusal on UserError{code message field}fragment RunResult on Run{id output outputCut}fragment RunRow on Run{id version state trigger attempt error httpStatus exitCode queuedAt startedAt finishedAt dueAt durationMs queuedMs coldStart deadLetter position:logPosition function{id name namespace}}" as unknown as TypedDocumentNode<InvokeFunctionMutation, InvokeFunctionMutationVariables>;
export const FunctionNamedDocument = "query FunctionNamed($namespace:String!$name:String!){function(namespace:$namespace name:$name){id name state}}" as unknown as TypedDocumentNode<FunctionNamedQuery, FunctionNamedQueryVariables>;
export const BeforeStartDocument = "query BeforeStart($id:ID!){function(id:$id){id currentVersion{number createdAt manifest}}secrets{namespace name setAt}}" as unknown as TypedDocumentNode<BeforeStartQuery, BeforeStartQueryVariables>;
export const PickFunctionDocument = "query PickFunction($namespace:String$search:String){functions(namespace:$namespace search:$search first:20){totalCount nodes{id name namespace}}}" as unknown as TypedDocumentNode<PickFunctionQuery, PickFunctionQueryVariables>;
export const FunctionNamesDocument = "query FunctionNames($id:ID!){function(id:$id){id name namespace}}" as unknown as TypedDocumentNode<FunctionNamesQuery, FunctionNamesQueryVariables>;
export const FunctionsDocument = "query Functions($namespace:String$state:FunctionState$search:String$mode:FunctionMode$runtime:String$trigger:TriggerType$buildFailed:Boolean$orderBy:FunctionOrder=NAME$descending:Boolean=false$after:String){functions(namespace:$namespace state:$state search:$search mode:$mode runtime:$runtime trigger:$trigger buildFailed:$buildFailed orderBy:$orderBy descending:$descending first:100 after:$after){totalCount pageInfo{hasNextPage endCursor}nodes{...FunctionRow ...FunctionActivity}}}fragment FunctionActivity on Function{id builds(first:1){nodes{id state error requestedAt finishedAt}}runs(first:1){nodes{id state httpStatus queuedAt durationMs}}instances{id version state}}fragment FunctionRow on Function{id namespace name generation state stateReason mode runtime url position:logPosition createdAt updatedAt currentVersion{number createdAt}source{type url ref path digest image}}" as unknown as TypedDocumentNode<FunctionsQuery, FunctionsQueryVariables>;
export const FunctionsCallsDocument = "query FunctionsCalls($namespace:String$state:FunctionState$search:String$mode:FunctionMode$runtime:String$trigger:TriggerType$buildFailed:Boolean$orderBy:FunctionOrder=NAME$descending:Boolean=false$after:String){functions(namespace:$namespace state:$state search:$search mode:$mode runtime:$runtime trigger:$trigger buildFailed:$buildFailed orderBy:$orderBy descending:$descending first:100 after:$after){pageInfo{hasNextPage endCursor}nodes{id calls(window:HOUR){at calls errors}}}}" as unknown as TypedDocumentNode<FunctionsCallsQuery, FunctionsCallsQueryVariables>;
export const OfferedFoldersDocument = "query OfferedFolders($build:ID!){node(id:$build){...on Build{id source{type url ref path}offeredFolders{path recognizedAs suggestedName function{id name}}}}}" as unknown as TypedDocumentNode<OfferedFoldersQuery, OfferedFoldersQueryVariables>;
export const FunctionOverviewDocument = "query FunctionOverview($id:ID!$window:Window!){function(id:$id){...FunctionRow ...FunctionActivity ...FunctionTriggers currentVersion{number createdAt commit size image{...ImageOfVersion}}versions(first:1){totalCount}instances{id version state inFlight startedAt}calls(window:$window){at calls errors}recent:runs(first:10){nodes{id state error queuedAt finishedAt version trigger}}}metrics(function:$id window:$window){invocations errors coldStarts p50Ms p95Ms waiting running}}fragment FunctionActivity on Function{id builds(first:1){nodes{id state error requestedAt finishedAt}}runs(first:1){nodes{id state httpStatus queuedAt durationMs}}instances{id version state}}fragment FunctionRow on Function{id namespace name generation state stateReason mode runtime url position:logPosition createdAt updatedAt currentVersion{number createdAt}source{type url ref path digest image}}fragment FunctionTriggers on Function{id triggers{type pattern filter cron timezone catchUp overlap name scheme secret url nextFireTimes auth path pathUrl cors{origins methods headers credentials maxAgeS}}}fragment ImageOfVersion on VersionImage{reference digest size layers platform pulledAt pullDurationMs}" as unknown as TypedDocumentNode<FunctionOverviewQuery, FunctionOverviewQueryVariables>;
export const FunctionInstancesDocument = "query FunctionInstances($id:ID!){function(id:$id){id instances{id version state inFlight startedAt containerId node address restarts usage{cpu memory memoryLimit}}}}" as unknown as TypedDocumentNode<FunctionInstancesQuery, FunctionInstancesQueryVariables>;
export const FunctionSettingsDocument = "query FunctionSettings($id:ID!){function(id:$id){...FunctionRow ...FunctionTriggers manifestOverride source{type url ref path digest image command}currentVersion{number createdAt manifest}versions(first:1){nodes{number createdAt}}}secrets{namespace name setAt}}fragment FunctionRow on Function{id namespace name generation state stateReason mode runtime url position:logPosition createdAt updatedAt currentVersion{number createdAt}source{type url ref path digest image}}fragment FunctionTriggers on Function{id triggers{type pattern filter cron timezone catchUp overlap name scheme secret url nextFireTimes auth path pathUrl cors{origins methods headers credentials maxAgeS}}}" as unknown as TypedDocumentNode<FunctionSettingsQuery, FunctionSettingsQueryVariables>;
export const UpdateFunctionDocument = "mutation UpdateFunction($input:UpdateFunctionInput!){updateFunction(input:$input){function{...FunctionRow manifestOverride}userErrors{...Refusal}}}fragment FunctionRow on Function{id namespace name generation state stateReason mode runtime url position:logPosition createdAt updatedAt currentVersion{number createdAt}source{type url ref path digest image}}fragment Refusal on UserError{code message field}" as unknown as TypedDocumentNode<UpdateFunctionMutation, UpdateFunctionMutationVariables>;
export const SetSecretDocument = "mutation SetSecret($namespace:String!$name:String!$value:String!){setSecret(namespace:$namespace name:$name value:$value){secret{namespace name setAt}userErrors{...Refusal}}}fragment Refusal on UserError{code message field}" as unknown as TypedDocumentNode<SetSecretMutation, SetSecretMutationVariables>;
export const RemoveSecretDocument = "mutation RemoveSecret($namespace:String!$name:String!){removeSecret(namespace:$namespace name:$name){secret{namespace name setAt}userErrors{...Refusal}}}fragment Refusal on UserError{code message field}" as unknown as TypedDocumentNode<RemoveSecretMutation, RemoveSecretMutationVariables>;
export const FireTimesDocument = "query FireTimes($cron:String!$timezone:String!){fireTimes(cron:$cron timezone:$timezone)}" as unknown as TypedDocumentNode<FireTimesQuery, FireTimesQueryVariables>;
export const FunctionVersionsDocument = "query FunctionVersions($id:ID!$after:String){function(id:$id){id name source{type}currentVersion{number createdAt}versions(first:50 after:$after){totalCount pageInfo{hasNextPage endCursor}edges{cursor node{...VersionRow}}}}}fragment ImageOfVersion on VersionImage{reference digest size layers platform pulledAt pullDurationMs}fragment VersionRow on Version{number digest commit createdAt size image{...ImageOfVersion}manifest build{id}}" as unknown as TypedDocumentNode<FunctionVersionsQuery, FunctionVersionsQueryVariables>;
export const VersionFilesDocument = "query VersionFiles($id:ID!$after:String){function(id:$id){versions(first:1 after:$after){nodes{number files{path size sha256}}}}}" as unknown as TypedDocumentNode<VersionFilesQuery, VersionFilesQueryVariables>;
export const VersionFileDocument = "query VersionFile($id:ID!$after:String$path:String!){function(id:$id){versions(first:1 after:$after){nodes{number file(path:$path){size text}}}}}" as unknown as TypedDocumentNode<VersionFileQuery, VersionFileQueryVariables>;
export const HistoryDocument = "query History($stream:ID$after:String){history(stream:$stream newestFirst:true first:100 after:$after){totalCount pageInfo{hasNextPage endCursor}nodes{...Record}}}fragment Record on RecordedEvent{id position:logPosition stream version type data at actor causationId correlationId}" as unknown as TypedDocumentNode<HistoryQuery, HistoryQueryVariables>;
export const HistoryGrewDocument = "subscription HistoryGrew($stream:ID$after:Position){history(stream:$stream afterLogPosition:$after){...Record}}fragment Record on RecordedEvent{id position:logPosition stream version type data at actor causationId correlationId}" as unknown as TypedDocumentNode<HistoryGrewSubscription, HistoryGrewSubscriptionVariables>;
export const BuildLinesDocument = "subscription BuildLines($build:ID!$after:Position){buildLog(build:$build afterLine:$after){...LogLine}}fragment LogLine on LogLine{position:linePosition at stream text run instance}" as unknown as TypedDocumentNode<BuildLinesSubscription, BuildLinesSubscriptionVariables>;
export const LinesDocument = "subscription Lines($function:ID$run:ID$after:Position){logs(function:$function run:$run afterLine:$after){...LogLine}}fragment LogLine on LogLine{position:linePosition at stream text run instance}" as unknown as TypedDocumentNode<LinesSubscription, LinesSubscriptionVariables>;
export const FunctionLinesDocument = "query FunctionLines($function:ID!$before:Position){function(id:$function){id log(last:500 beforeLine:$before){...LogLine}}}fragment LogLine on LogLine{position:linePosition at stream text run instance}" as unknown as TypedDocumentNode<FunctionLinesQuery, FunctionLinesQueryVariables>;
export const FunctionMetricsDocument = "query FunctionMetrics($id:ID!$window:Window!){metrics(function:$id window:$window){...Numbers}function(id:$id){id mode state instances{id state inFlight}}}fragment Numbers on Metrics{since invocations errors coldStarts p50Ms p95Ms p99Ms waiting running points{at invocations errors coldStarts p50Ms p95Ms p99Ms waiting running}}" as unknown as TypedDocumentNode<FunctionMetricsQuery, FunctionMetricsQueryVariables>;
export const AllMetricsDocument = "query AllMetrics($window:Window!){metrics(window:$window){...Numbers}}fragment Numbers on Metrics{since invocations errors coldStarts p50Ms p95Ms p99Ms waiting running points{at invocations errors coldStarts p50Ms p95Ms p99Ms waiting running}}" as unknown as TypedDocumentNode<AllMetricsQuery, AllMetricsQueryVariables>;
export const RunsDocument = "query Runs($function:ID$state:RunState$trigger:String$version:Int$since:DateTime$until:DateTime$event:ID$after:String){runs(function:$function state:$state trigger:$trigger version:$version since:$since until:$until event:$event first:50 after:$after){totalCount pageInfo{hasNextPage endCursor}nodes{...RunRow}}}fragment RunRow on Run{id version state trigger attempt error httpStatus exitCode queuedAt startedAt finishedAt dueAt durationMs queuedMs coldStart deadLetter position:logPosition function{id name namespace}}" as unknown as TypedDocumentNode<RunsQuery, RunsQueryVariables>;
export const RunDotsDocument = "query RunDots($function:ID$state:RunState$trigger:String$version:Int$since:DateTime$until:DateTime$event:ID$after:String){runs(function:$function state:$state trigger:$trigger version:$version since:$since until:$until event:$event after:$after first:100){nodes{id state queuedAt durationMs}}}" as unknown as TypedDocumentNode<RunDotsQuery, RunDotsQueryVariables>;
export const RunTotalsDocument = "query RunTotals($function:ID$trigger:String$version:Int$since:DateTime$until:DateTime$event:ID){runCounts(function:$function trigger:$trigger version:$version since:$since until:$until event:$event){state count}}" as unknown as TypedDocumentNode<RunTotalsQuery, RunTotalsQueryVariables>;
export const VersionNumbersDocument = "query VersionNumbers($function:ID!){function(id:$function){id currentVersion{number}versions(first:1){nodes{number}}}}" as unknown as TypedDocumentNode<VersionNumbersQuery, VersionNumbersQueryVariables>;
export const RunChangedDocument = "subscription RunChanged($function:ID$after:Position){runChanged(function:$function afterLogPosition:$after){position:logPosition event{id type}run{...RunRow}}}fragment RunRow on Run{id version state trigger attempt error httpStatus exitCode queuedAt startedAt finishedAt dueAt durationMs queuedMs coldStart deadLetter position:logPosition function{id name namespace}}" as unknown as TypedDocumentNode<RunChangedSubscription, RunChangedSubscriptionVariables>;
export const RunDocument = "query Run($id:ID!){run(id:$id){...RunRow ...RunResult input inputCut instance callback{url state failures dueAt error finishedAt}redrivenAs{id state}replayedFrom{id state}replays(first:50){totalCount nodes{id state queuedAt version}}event{id type source runs(first:50){totalCount nodes{id state queuedAt replayedFrom{id}function{id name namespace}}}}}}fragment RunResult on Run{id output outputCut}fragment RunRow on Run{id version state trigger attempt error httpStatus exitCode queuedAt startedAt finishedAt dueAt durationMs queuedMs coldStart deadLetter position:logPosition function{id name namespace}}" as unknown as TypedDocumentNode<RunQuery, RunQueryVariables>;
export const ReplayRunDocument = "mutation ReplayRun($id:ID!$version:Int$payload:JSON){replayRun(id:$id version:$version payload:$payload){run{...RunRow}userErrors{...Refusal}}}fragment Refusal on UserError{code message field}fragment RunRow on Run{id version state trigger attempt error httpStatus exitCode queuedAt startedAt finishedAt dueAt durationMs queuedMs coldStart deadLetter position:logPosition function{id name namespace}}" as unknown as TypedDocumentNode<ReplayRunMutation, ReplayRunMutationVariables>;
export const CancelRunDocument = "mutation CancelRun($id:ID!){cancelRun(id:$id){run{...RunRow}userErrors{...Refusal}}}fragment Refusal on UserError{code message field}fragment RunRow on Run{id version state trigger attempt error httpStatus exitCode queuedAt startedAt finishedAt dueAt durationMs queuedMs coldStart deadLetter position:logPosition function{id name namespace}}" as unknown as TypedDocumentNode<CancelRunMutation, CancelRunMutationVariables>;
export const HealthDocument = "query Health{viewer{server{degraded logPosition:headPosition relayPosition:relayedPosition nodes leader}}}" as unknown as TypedDocumentNode<HealthQuery, HealthQueryVariables>;
export const EngineImagesDocument = "query EngineImages{viewer{server{engineImages{id tags size fate reason goesAt}}}}" as unknown as TypedDocumentNode<EngineImagesQuery, EngineImagesQueryVariables>;
