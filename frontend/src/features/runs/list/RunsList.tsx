// Runs of one function or of all, live, filtered by what the URL says.

import {
  ActionIcon,
  Anchor,
  Autocomplete,
  Box,
  Button,
  Card,
  Group,
  Select,
  Stack,
  Table,
  Text,
  Tooltip,
  UnstyledButton,
} from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { Link, useNavigate } from "@tanstack/react-router";
import { memo, useCallback, useDeferredValue, useEffect, useMemo, useRef } from "react";
import { useMutation } from "urql";
import {
  CancelRunDocument,
  RunChangedDocument,
  RunDotsDocument,
  type RunDotsQueryVariables,
  type RunRowFragment,
  type RunState,
  RunsDocument,
  RunTotalsDocument,
  type RunTotalsQueryVariables,
  VersionNumbersDocument,
} from "../../../graphql/generated.ts";
import { useAsked, useFollowed } from "../../../graphql/live.ts";
import { now as clock } from "../../../lib/clock.ts";
import { shownName } from "../../../lib/namespace.ts";
import { duration, short } from "../../../lib/time.ts";
import { versionNumbers } from "../../../lib/versions.ts";
import { Icon } from "../../../ui/icons.tsx";
import { accepted, tellDone } from "../../../ui/notify.ts";
import { Pager } from "../../../ui/pager.tsx";
import { Scatter } from "../../../ui/scatter.tsx";
import { Empty, Failure, Waiting } from "../../../ui/states.tsx";
import { Status } from "../../../ui/status.tsx";
import { When } from "../../../ui/when.tsx";
import { useViewer } from "../../auth/viewer.tsx";
import { goesOn, headline, type Span, spanOf } from "../model.ts";
import { SpanFilter } from "../SpanFilter.tsx";

import "./rows.css";

export interface Search {
  state?: RunState;
  since?: NonNullable<Span["since"]>;
  from?: string;
  until?: string;
  trigger?: string;
  version?: number;
  event?: string;
  after?: string;
}

/** States, in the order of a run's life, with their names in the totals. */
const STATES = [
  { value: "QUEUED", label: "Queued" },
  { value: "RUNNING", label: "Running" },
  { value: "RETRYING", label: "Retrying" },
  { value: "SUCCEEDED", label: "Succeeded" },
  { value: "FAILED", label: "Failed" },
  { value: "TIMED_OUT", label: "Timed out" },
  { value: "CANCELLED", label: "Cancelled" },
  { value: "DEAD", label: "Dead" },
] as const;

/** What starts most runs. */
const TRIGGERS = ["http.invoke", "schedule.triggered", "webhook.received", "message.queued"];

const NOTHING = {
  state: undefined,
  trigger: undefined,
  version: undefined,
  event: undefined,
  since: undefined,
  from: undefined,
  until: undefined,
  after: undefined,
};

type Change = { [K in keyof Search]?: Search[K] | undefined };

interface Props {
  of?: string;
  search: Search;
  set: (change: Change) => void;
}

export function RunsList({ of, search, set }: Props) {
  const { since, from, until, trigger, version, event } = search;
  const narrowed = useMemo(
    () => ({
      function: of ?? null,
      trigger: trigger ?? null,
      version: version ?? null,
      event: event ?? null,
      ...spanOf({ since, from, until }, clock()),
    }),
    [of, trigger, version, event, since, from, until],
  );
  const choose = useCallback((state: RunState | undefined) => set({ state, after: undefined }), [set]);
  const variables = { ...narrowed, state: search.state ?? null, after: search.after ?? null };
  const { data, error, again, look, old } = useAsked(RunsDocument, variables);
  useFollowed(RunChangedDocument, { function: of ?? null }, () => {
    // The cache has put it where it belongs; how many there are, only the server knows.
    if (search.after) return;
    look();
  });
  const runs = data?.runs.nodes ?? [];
  const filtering =
    search.state !== undefined ||
    trigger !== undefined ||
    version !== undefined ||
    event !== undefined ||
    since !== undefined ||
    from !== undefined ||
    until !== undefined;
  const kinds = [...new Set(runs.map((run) => run.trigger))].sort().join("\n");
  const seen = useMemo(() => [...new Set([...TRIGGERS, ...kinds.split("\n").filter(Boolean)])].sort(), [kinds]);
  return (
    <Stack gap="sm">
      <Filters of={of} search={search} set={set} triggers={seen} />
      <Totals narrowed={narrowed} state={search.state} choose={choose} />
      {error && !data ? (
        <Failure error={error} again={again} />
      ) : !data ? (
        <Waiting again={again} />
      ) : runs.length === 0 ? (
        <Empty
          title={filtering ? "No run matches" : "No runs yet"}
          action={
            filtering || search.after ? (
              <Button size="xs" variant="default" onClick={() => set(NOTHING)}>
                Show all
              </Button>
            ) : of ? (
              <Button size="xs" component={Link} to={`/functions/${of}/invoke`}>
                Invoke it
              </Button>
            ) : (
              <Button size="xs" component={Link} to="/functions">
                To the functions
              </Button>
            )
          }
        >
          {filtering
            ? "Runs are kept for 7 days unless the server is set otherwise."
            : "A run begins when a function is called, an event that it waits for comes in, or its time has come."}
        </Empty>
      ) : (
        <Stack gap="sm" className={old ? "old" : undefined} aria-busy={old}>
          <Dots variables={variables} />
          <RunRows runs={runs} names={of === undefined} />
          <Pager
            total={data.runs.totalCount}
            shown={runs.length}
            after={search.after}
            next={data.runs.pageInfo.hasNextPage ? data.runs.pageInfo.endCursor : null}
            go={(after) => set({ after })}
            what="runs"
          />
        </Stack>
      )}
    </Stack>
  );
}

/** The picture above the list. It may lag behind the list: what is read first is drawn first. */
function Dots({ variables }: { variables: RunDotsQueryVariables }) {
  const navigate = useNavigate();
  const { data, look } = useAsked(RunDotsDocument, variables);
  useFollowed(RunChangedDocument, { function: variables.function ?? null }, () => {
    if (!variables.after) look();
  });
  const runs = useDeferredValue(data)?.runs.nodes;
  const dots = useMemo(
    () =>
      (runs ?? []).flatMap((run) =>
        run.durationMs === null ? [] : [{ id: run.id, at: run.queuedAt, ms: run.durationMs, state: run.state }],
      ),
    [runs],
  );
  const open = useCallback((id: string) => void navigate({ to: "/runs/$id", params: { id } }), [navigate]);
  return <Scatter dots={dots} open={open} />;
}

// With many updates a second, controls that did not change would cost more than the rows that did.
const Filters = memo(function Filters({
  of,
  search,
  set,
  triggers,
}: Omit<Props, "of"> & {
  of: string | undefined;
  triggers: string[];
}) {
  return (
    <Group gap="xs">
      <Select
        size="xs"
        placeholder="Any state"
        aria-label="State"
        data={STATES.map(({ value, label }) => ({ value, label }))}
        value={search.state ?? null}
        onChange={(state) => set({ state: (state as RunState | null) ?? undefined, after: undefined })}
        clearable
        w={130}
      />
      <Trigger key={search.trigger ?? ""} value={search.trigger} triggers={triggers} set={set} />
      {of && <Version of={of} value={search.version} set={set} />}
      {search.event && (
        <Group gap={2} wrap="nowrap">
          <Text size="xs">
            of the event{" "}
            <Anchor component={Link} to={`/events/${search.event}`} className="mono" inherit>
              {short(search.event)}
            </Anchor>
          </Text>
          <ActionIcon
            variant="subtle"
            color="gray"
            size="sm"
            aria-label="Show the runs of all events"
            onClick={() => set({ event: undefined, after: undefined })}
          >
            <Icon name="cross" size={12} />
          </ActionIcon>
        </Group>
      )}
      <SpanFilter span={search} set={(span) => set({ ...span, after: undefined })} />
    </Group>
  );
});

function Trigger({
  value,
  triggers,
  set,
}: {
  value: string | undefined;
  triggers: string[];
  set: (change: Change) => void;
}) {
  const written = useRef(value ?? "");
  const take = (text: string) => {
    const trigger = text.trim() || undefined;
    if (trigger !== value) set({ trigger, after: undefined });
  };
  return (
    <Autocomplete
      size="xs"
      placeholder="Any trigger"
      aria-label="Trigger: the type of the event"
      data={triggers}
      defaultValue={value ?? ""}
      onChange={(text) => {
        written.current = text;
        if (text === "") take("");
      }}
      onOptionSubmit={take}
      onBlur={() => take(written.current)}
      onKeyDown={(event) => {
        if (event.key === "Enter") take(written.current);
      }}
      clearable
      w={170}
    />
  );
}

function Version({ of, value, set }: { of: string; value: number | undefined; set: (change: Change) => void }) {
  const { data } = useAsked(VersionNumbersDocument, { function: of });
  const numbers = versionNumbers(data?.function?.versions.nodes[0]?.number);
  const all = value === undefined || numbers.includes(value) ? numbers : [value, ...numbers];
  return (
    <Select
      size="xs"
      placeholder="Any version"
      aria-label="Version"
      data={all.map((number) => ({ value: String(number), label: `v${number}` }))}
      value={value === undefined ? null : String(value)}
      onChange={(version) => set({ version: version === null ? undefined : Number(version), after: undefined })}
      searchable
      limit={100}
      clearable
      w={120}
    />
  );
}

/** How often the totals are asked for at most, in milliseconds: they count, which costs the server more than a page. */
const COUNT_EVERY = 5_000;

const Totals = memo(function Totals({
  narrowed,
  state,
  choose,
}: {
  narrowed: RunTotalsQueryVariables;
  state: RunState | undefined;
  choose: (state: RunState | undefined) => void;
}) {
  const { data, again, old } = useAsked(RunTotalsDocument, narrowed);
  const changed = useRef(false);
  useFollowed(RunChangedDocument, { function: narrowed.function ?? null }, () => {
    changed.current = true;
  });
  useEffect(() => {
    const timer = setInterval(() => {
      if (!changed.current) return;
      changed.current = false;
      again();
    }, COUNT_EVERY);
    return () => clearInterval(timer);
  }, [again]);
  if (!data) return <Box h={22} />;
  const counts = STATES.map((one) => ({
    ...one,
    count: data.runCounts.find(({ state }) => state === one.value)?.count ?? 0,
  }));
  const all = counts.reduce((sum, { count }) => sum + count, 0);
  return (
    <Group gap="sm" role="group" aria-label="How many there are" className={old ? "old" : undefined} aria-busy={old}>
      <Total label="in all" count={all} on={state === undefined} onClick={() => choose(undefined)} />
      {counts
        .filter(({ count, value }) => count > 0 || value === state)
        .map(({ value, label, count }) => (
          <Total
            key={value}
            label={label.toLowerCase()}
            count={count}
            on={state === value}
            bad={["FAILED", "TIMED_OUT", "DEAD"].includes(value)}
            onClick={() => choose(state === value ? undefined : value)}
          />
        ))}
    </Group>
  );
});

function Total({
  label,
  count,
  on,
  bad = false,
  onClick,
}: {
  label: string;
  count: number;
  on: boolean;
  bad?: boolean;
  onClick: () => void;
}) {
  return (
    <UnstyledButton onClick={onClick} aria-pressed={on} style={{ borderRadius: 4 }}>
      <Text size="xs" td={on ? "underline" : undefined} style={{ whiteSpace: "nowrap" }}>
        <Text span inherit fw={700} {...(bad && count > 0 ? { c: "red" } : {})}>
          {count.toLocaleString()}
        </Text>{" "}
        {label}
      </Text>
    </UnstyledButton>
  );
}

/** How a run ended, in a word. */
function outcome(run: RunRowFragment): string {
  if (run.error) return headline(run.error);
  if (run.httpStatus !== null) return String(run.httpStatus);
  if (run.exitCode !== null) return `exit ${run.exitCode}`;
  return "";
}

function Cancel({ run }: { run: RunRowFragment }) {
  const { mayWrite } = useViewer();
  const [{ fetching }, cancel] = useMutation(CancelRunDocument);
  if (!mayWrite || !goesOn(run.state)) return null;
  return (
    <Tooltip label="Cancel this run">
      <ActionIcon
        variant="subtle"
        color="red"
        size="sm"
        loading={fetching}
        aria-label={`Cancel run ${short(run.id)}`}
        onClick={async () => {
          const result = await cancel({ id: run.id });
          if (accepted("It was not cancelled", result.error, result.data?.cancelRun)) tellDone("The run is cancelled.");
        }}
      >
        <Icon name="cross" size={14} />
      </ActionIcon>
    </Tooltip>
  );
}

interface One {
  run: RunRowFragment;
  names: boolean;
}

// Drawn again only when the run itself has changed: with many updates a second the other rows would cost the most.
const Wide = memo(function Wide({ run, names }: One) {
  return (
    <tr>
      <td>
        <Anchor component={Link} to={`/runs/${run.id}`} className="mono">
          {short(run.id, 13)}
        </Anchor>
      </td>
      {names && (
        <td>
          <Anchor component={Link} to={`/functions/${run.function.id}`} size="sm">
            {shownName(run.function)}
          </Anchor>
        </td>
      )}
      <td>
        <div className="state">
          <Status state={run.state} />
          {run.attempt > 1 && <span className="aside">attempt {run.attempt}</span>}
          {goesOn(run.state) && <Cancel run={run} />}
        </div>
      </td>
      <td className="mono kind" title={run.trigger}>
        {run.trigger}
      </td>
      <td>{run.version === null ? "–" : `v${run.version}`}</td>
      <td>
        <When at={run.queuedAt} plain />
      </td>
      <td>{duration(run.durationMs)}</td>
      <td className={run.error ? "outcome bad" : "outcome"} title={outcome(run)}>
        {outcome(run)}
      </td>
    </tr>
  );
});

const Narrow = memo(function Narrow({ run, names }: One) {
  return (
    <Card withBorder padding="xs" mb={6}>
      <Group justify="space-between" gap="xs" wrap="nowrap">
        <Group gap="xs" wrap="nowrap" style={{ minWidth: 0 }}>
          <Status state={run.state} size="xs" />
          <Anchor component={Link} to={`/runs/${run.id}`} size="sm" fw={500} truncate>
            {names ? shownName(run.function) : short(run.id, 13)}
          </Anchor>
        </Group>
        <Group gap={4} wrap="nowrap">
          <Text size="xs" c="dimmed" style={{ whiteSpace: "nowrap" }}>
            {run.version !== null && `v${run.version} · `}
            {duration(run.durationMs)}
          </Text>
          <Cancel run={run} />
        </Group>
      </Group>
      <Text size="xs" c="dimmed" truncate>
        {run.trigger} · <When at={run.queuedAt} />
        {run.attempt > 1 && ` · attempt ${run.attempt}`}
      </Text>
      {outcome(run) !== "" && (
        <Text size="xs" c={run.error ? "red" : "dimmed"} lineClamp={2} style={{ overflowWrap: "anywhere" }}>
          {outcome(run)}
        </Text>
      )}
    </Card>
  );
});

export function RunRows({ runs, names = true }: { runs: readonly RunRowFragment[]; names?: boolean }) {
  const wide = useMediaQuery("(min-width: 48em)", window.matchMedia("(min-width: 48em)").matches);
  if (!wide) {
    return (
      <div>
        {runs.map((run) => (
          <Narrow key={run.id} run={run} names={names} />
        ))}
      </div>
    );
  }
  return (
    <Table.ScrollContainer minWidth={680} type="native">
      <Table verticalSpacing={6}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Run</Table.Th>
            {names && <Table.Th>Function</Table.Th>}
            <Table.Th>State</Table.Th>
            <Table.Th>Trigger</Table.Th>
            <Table.Th>Version</Table.Th>
            <Table.Th>Requested</Table.Th>
            <Table.Th>Took</Table.Th>
            <Table.Th>Outcome</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <tbody className="runs">
          {runs.map((run) => (
            <Wide key={run.id} run={run} names={names} />
          ))}
        </tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
