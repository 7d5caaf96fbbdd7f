// Calling a function by hand: what goes in, what comes out, what it wrote meanwhile, and how that was the last time.

import {
  ActionIcon,
  Alert,
  Anchor,
  Autocomplete,
  Button,
  Card,
  Grid,
  Group,
  Menu,
  Select,
  Stack,
  Table,
  Text,
  TextInput,
  Title,
} from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useCallback, useEffect, useRef, useState } from "react";
import { useClient, useMutation } from "urql";
import {
  CancelRunDocument,
  FunctionHeadDocument,
  InvokeFunctionDocument,
  type InvokeFunctionMutation,
  RunChangedDocument,
  RunDocument,
} from "../../../graphql/generated.ts";
import { useAsked, useFollowed } from "../../../graphql/live.ts";
import { DRAFT, forgets } from "../../../lib/mine.ts";
import { Store, useStore } from "../../../lib/store.ts";
import { duration } from "../../../lib/time.ts";
import { Difference } from "../../../ui/difference.tsx";
import { Icon } from "../../../ui/icons.tsx";
import { Json } from "../../../ui/json.tsx";
import { JsonEditor } from "../../../ui/jsonEditor.tsx";
import { accepted } from "../../../ui/notify.ts";
import { once } from "../../../ui/once.ts";
import { told } from "../../../ui/states.tsx";
import { Status } from "../../../ui/status.tsx";
import { When } from "../../../ui/when.tsx";
import { useViewer } from "../../auth/viewer.tsx";
import { RunLog } from "../../logs/RunLog.tsx";
import { headline } from "../../runs/model.ts";
import {
  added,
  type Draft,
  draftFault,
  excerpt,
  type Header,
  headerFault,
  METHODS,
  over,
  readable,
  restored,
  samples,
  sent,
  split,
} from "./invocation.ts";

type Result = NonNullable<InvokeFunctionMutation["invokeFunction"]["run"]>;

/** A call that was made from this tab. */
interface Call {
  draft: Draft;
  run: Result;
  /** Milliseconds until the outcome was here; null while it is not. */
  took: number | null;
  begun: number;
}

/** Calls of a function that are remembered, for as long as this tab is not loaded again. */
const REMEMBERED = 10;
/** How often a run is asked for whose outcome was not told, in milliseconds. */
const ASK_EVERY = 3_000;

const calls = new Store<Readonly<Record<string, readonly Call[]>>>({});
forgets(() => calls.set({}));

function remembered(id: string): Draft {
  try {
    return restored(sessionStorage.getItem(DRAFT + id));
  } catch {
    return restored(null);
  }
}

const COMMON = ["accept", "content-type", "authorization", "x-request-id", "idempotency-key", "user-agent"];

export function Invoke({ id }: { id: string }) {
  const client = useClient();
  const { mayWrite } = useViewer();
  const [draft, setDraft] = useState(() => remembered(id));
  const { data: head } = useAsked(FunctionHeadDocument, { id });
  const [{ fetching }, invoke] = useMutation(InvokeFunctionDocument);
  const [, cancel] = useMutation(CancelRunDocument);
  const [refusals, setRefusals] = useState<readonly { message: string; field: string[] | null }[]>([]);
  const [shown, setShown] = useState<string | null>(null);
  const made = useStore(calls)[id] ?? [];
  const call = made.find(({ run }) => run.id === shown) ?? made[0];

  const settle = useCallback(
    async (run: string) => {
      const { data } = await client.query(RunDocument, { id: run }, { requestPolicy: "network-only" });
      const now = data?.run;
      if (!now) return;
      calls.set({
        ...calls.get(),
        [id]: (calls.get()[id] ?? []).map((one) =>
          one.run.id === run
            ? { ...one, run: now, took: one.took ?? (over(now.state) ? performance.now() - one.begun : null) }
            : one,
        ),
      });
    },
    [client, id],
  );
  useFollowed(RunChangedDocument, { function: id }, ({ runChanged: { run } }) => {
    if (calls.get()[id]?.some((one) => one.run.id === run.id)) void settle(run.id);
  });
  // Should the word of its end be lost, it is asked for.
  const open = made.find(({ run }) => !over(run.state))?.run.id;
  useEffect(() => {
    if (!open) return;
    const timer = setInterval(() => void settle(open), ASK_EVERY);
    return () => clearInterval(timer);
  }, [open, settle]);

  const of = head?.function;
  const fault = draftFault(draft);
  const change = (part: Partial<Draft>) => setDraft((now) => ({ ...now, ...part }));
  const at = (field: string) => refusals.find((one) => one.field?.includes(field))?.message;
  const general = refusals.filter((one) => !["method", "path", "query"].some((field) => one.field?.includes(field)));

  const send = async (what: Draft) => {
    if (draftFault(what) !== null || fetching) return;
    try {
      sessionStorage.setItem(DRAFT + id, JSON.stringify(what));
    } catch {
      // A browser that keeps nothing loses a convenience.
    }
    setRefusals([]);
    const begun = performance.now();
    const { data, error } = await invoke({
      id,
      payload: what.payload.trim() === "" ? null : JSON.parse(what.payload),
      wait: false,
      http: { method: what.method, path: what.path, query: what.query, headers: sent(what.headers) },
    });
    if (error) {
      setRefusals([{ message: told(error), field: null }]);
      return;
    }
    const { run, userErrors } = data?.invokeFunction ?? { run: null, userErrors: [] };
    if (!run) {
      setRefusals(userErrors);
      return;
    }
    const entry: Call = { draft: what, run, took: over(run.state) ? performance.now() - begun : null, begun };
    calls.set({ ...calls.get(), [id]: [entry, ...(calls.get()[id] ?? [])].slice(0, REMEMBERED) });
    setShown(run.id);
    void settle(run.id);
  };

  if (!mayWrite)
    return (
      <Text size="sm" c="dimmed">
        You may look, but not call functions from here.
      </Text>
    );
  if (of?.state === "DEREGISTERED")
    return (
      <Text size="sm" c="dimmed">
        It is gone and answers no calls. What it answered is under Runs.
      </Text>
    );
  return (
    <Grid gap="md">
      <Grid.Col span={{ base: 12, md: 5 }}>
        <Stack gap="sm">
          {of && of.state !== "RUNNING" && (
            <Alert color="yellow" p="xs">
              {of.state === "REGISTERED"
                ? "Nothing is built yet, so it refuses calls. Build it first."
                : "It does not run, so it refuses calls. Start it first."}
            </Alert>
          )}
          <Group gap="xs" align="flex-start" wrap="nowrap">
            <Select
              label="Method"
              data={[...METHODS]}
              value={draft.method}
              onChange={(method) => method && change({ method })}
              error={at("method")}
              allowDeselect={false}
              w={108}
              style={{ flexShrink: 0 }}
            />
            <TextInput
              label="Path"
              value={draft.path}
              onChange={(event) => change({ path: event.currentTarget.value })}
              onBlur={() => {
                const { path, query } = split(draft.path);
                change({ path, ...(query === null ? {} : { query }) });
              }}
              error={at("path")}
              style={{ flex: 1 }}
              className="mono-input"
            />
            <TextInput
              label="Query"
              placeholder="size=small"
              value={draft.query}
              onChange={(event) => change({ query: event.currentTarget.value.replace(/^\?/, "") })}
              error={at("query")}
              style={{ flex: 1 }}
              className="mono-input"
            />
          </Group>
          <Headers headers={draft.headers} change={(headers) => change({ headers })} />
          <JsonEditor
            label="Payload"
            value={draft.payload}
            onChange={(payload) => change({ payload })}
            height={200}
            onSubmit={() => void send(draft)}
          />
          <Group gap="xs">
            <Button
              onClick={once(() => send(draft))}
              loading={fetching}
              disabled={fault !== null}
              leftSection={<Icon name="run" size={14} />}
            >
              Invoke
            </Button>
            <Menu position="bottom-start">
              <Menu.Target>
                <Button variant="default">Templates</Button>
              </Menu.Target>
              <Menu.Dropdown>
                {samples(of?.triggers ?? []).map((sample) => (
                  <Menu.Item key={sample.label} onClick={() => change(sample.change)}>
                    {sample.label}
                    <Text size="xs" c="dimmed">
                      {sample.about}
                    </Text>
                  </Menu.Item>
                ))}
              </Menu.Dropdown>
            </Menu>
            <Text size="xs" c="dimmed" visibleFrom="xs">
              Ctrl Enter sends
            </Text>
          </Group>
          {general.length > 0 && (
            <Alert color="red" p="xs" role="alert" title="It was not called">
              {general.map((one) => one.message).join(" ")}
            </Alert>
          )}
          {of?.triggers.some(({ type }) => type === "event") && (
            <Text size="xs" c="dimmed">
              From here it is always called as <code>http.invoke</code>. To test an event trigger itself,{" "}
              <Anchor component={Link} to="/events?publish=yes" size="xs" underline="always">
                publish an event
              </Anchor>
              .
            </Text>
          )}
        </Stack>
      </Grid.Col>
      <Grid.Col span={{ base: 12, md: 7 }}>
        <Stack gap="md">
          {call ? (
            <Outcome
              call={call}
              again={() => void send(call.draft)}
              cancel={async () => {
                const { data, error } = await cancel({ id: call.run.id });
                if (accepted("It was not called off", error, data?.cancelRun)) void settle(call.run.id);
              }}
            />
          ) : (
            <Card withBorder>
              <Text size="sm" c="dimmed">
                What it answers, and the lines that it writes, will stand here.
              </Text>
            </Card>
          )}
          {made.length > 1 && call && (
            <Made
              calls={made}
              shown={call}
              show={setShown}
              edit={(what) => setDraft({ ...what, headers: [...what.headers] })}
            />
          )}
        </Stack>
      </Grid.Col>
    </Grid>
  );
}

function Headers({ headers, change }: { headers: readonly Header[]; change: (headers: Header[]) => void }) {
  const list = useRef<HTMLDivElement>(null);
  const set = (key: number, part: Partial<Header>) =>
    change(headers.map((header) => (header.key === key ? { ...header, ...part } : header)));
  return (
    <div ref={list}>
      <Group justify="space-between" mb={4}>
        <Text size="sm" fw={500}>
          Headers
        </Text>
        <Button
          size="compact-xs"
          variant="subtle"
          leftSection={<Icon name="plus" size={12} />}
          onClick={() => {
            change(added(headers));
            requestAnimationFrame(() => [...(list.current?.querySelectorAll("input") ?? [])].at(-2)?.focus());
          }}
        >
          Add a header
        </Button>
      </Group>
      {headers.length === 0 && (
        <Text size="xs" c="dimmed">
          None but those that every call has.
        </Text>
      )}
      <Stack gap={6}>
        {headers.map((header) => (
          <Group key={header.key} gap={6} wrap="nowrap" align="flex-start">
            <Autocomplete
              size="xs"
              aria-label="Name of a header"
              placeholder="x-name"
              data={COMMON}
              value={header.name}
              onChange={(name) => set(header.key, { name })}
              error={headerFault(header.name)}
              style={{ flex: 2 }}
            />
            <TextInput
              size="xs"
              aria-label={`Value of ${header.name || "the header"}`}
              placeholder="value"
              value={header.value}
              onChange={(event) => set(header.key, { value: event.currentTarget.value })}
              style={{ flex: 3 }}
            />
            <ActionIcon
              variant="subtle"
              color="gray"
              size={30}
              aria-label={`Remove ${header.name || "the header"}`}
              onClick={() => change(headers.filter(({ key }) => key !== header.key))}
            >
              <Icon name="trash" size={14} />
            </ActionIcon>
          </Group>
        ))}
      </Stack>
    </div>
  );
}

function Outcome({
  call: { run, took, draft },
  again,
  cancel,
}: {
  call: Call;
  again: () => void;
  cancel: () => Promise<void>;
}) {
  const done = over(run.state);
  return (
    <Card withBorder>
      <Stack gap="sm">
        <Group justify="space-between" gap="xs">
          <Group gap="xs" role="status">
            <Title order={3} size="h5">
              Result
            </Title>
            <Status state={run.state} />
            {run.httpStatus !== null && (
              <Text size="sm" fw={600} c={run.httpStatus < 400 ? "inherit" : "red"}>
                {run.httpStatus}
              </Text>
            )}
            {run.exitCode !== null && <Text size="sm">exit {run.exitCode}</Text>}
            <Text size="sm" c="dimmed">
              {done
                ? [
                    run.durationMs !== null && `${duration(run.durationMs)} in the function`,
                    took !== null && `${duration(took)} until it was here`,
                    run.coldStart && "cold start",
                  ]
                    .filter(Boolean)
                    .join(", ")
                : run.state === "RETRYING"
                  ? `attempt ${run.attempt} failed; it is tried again`
                  : run.state === "QUEUED"
                    ? "waits for its turn"
                    : "is on its way"}
            </Text>
          </Group>
          <Group gap="xs">
            {done ? (
              <Button size="compact-sm" variant="default" onClick={once(again)}>
                Run again
              </Button>
            ) : (
              <Button size="compact-sm" variant="default" onClick={() => void cancel()}>
                Cancel
              </Button>
            )}
            <Anchor component={Link} to={`/runs/${run.id}`} size="sm">
              Open the run
            </Anchor>
          </Group>
        </Group>
        <Text size="xs" c="dimmed" style={{ overflowWrap: "anywhere" }}>
          {draft.method} {draft.path}
          {draft.query && `?${draft.query}`} with {excerpt(draft.payload)}
        </Text>
        {run.error && (
          <Alert color="red" p="xs" style={{ overflowWrap: "anywhere" }}>
            {headline(run.error)}
          </Alert>
        )}
        {done && (
          <Json
            value={run.output}
            label={`${run.outputCut ? "Output (its beginning)" : "Output"}, ${typeof run.output === "string" ? "text" : "JSON"}`}
          />
        )}
        <div>
          <Text size="xs" c="dimmed" mb={4}>
            What it wrote
          </Text>
          <RunLog key={run.id} run={run.id} height="180px" />
        </div>
      </Stack>
    </Card>
  );
}

function Made({
  calls: made,
  shown,
  show,
  edit,
}: {
  calls: readonly Call[];
  shown: Call;
  show: (run: string) => void;
  edit: (draft: Draft) => void;
}) {
  const [against, setAgainst] = useState<string | null>(null);
  const other = made.find(({ run }) => run.id === against && run.id !== shown.run.id);
  return (
    <Card withBorder>
      <Title order={3} size="h5" mb="xs">
        Calls of this tab
      </Title>
      <Table.ScrollContainer minWidth={430} scrollAreaProps={{ viewportProps: { tabIndex: 0 } }}>
        <Table verticalSpacing={4}>
          <Table.Tbody>
            {made.map((one) => (
              <Table.Tr key={one.run.id} {...(one === shown ? { bg: "var(--mantine-color-default-hover)" } : {})}>
                <Table.Td>
                  <Status state={one.run.state} size="xs" />
                </Table.Td>
                <Table.Td style={{ whiteSpace: "nowrap" }}>
                  {one.run.httpStatus ?? (one.run.exitCode === null ? "" : `exit ${one.run.exitCode}`)}
                </Table.Td>
                <Table.Td style={{ whiteSpace: "nowrap" }}>
                  {duration(one.run.durationMs)}
                  <br />
                  <When at={one.run.queuedAt} size="xs" c="dimmed" />
                </Table.Td>
                <Table.Td maw={110}>
                  <Text size="xs" truncate title={excerpt(one.draft.payload, 300)}>
                    {excerpt(one.draft.payload)}
                  </Text>
                </Table.Td>
                <Table.Td>
                  <Group gap={4} wrap="nowrap" justify="flex-end">
                    {one === shown ? (
                      <Text size="xs" c="dimmed">
                        shown
                      </Text>
                    ) : (
                      <>
                        <Button size="compact-xs" variant="subtle" onClick={() => show(one.run.id)}>
                          Show
                        </Button>
                        <Button
                          size="compact-xs"
                          variant={one === other ? "light" : "subtle"}
                          aria-pressed={one === other}
                          onClick={() => setAgainst(one === other ? null : one.run.id)}
                        >
                          Compare
                        </Button>
                      </>
                    )}
                    <Button size="compact-xs" variant="subtle" onClick={() => edit(one.draft)}>
                      Edit
                    </Button>
                  </Group>
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      {other && (
        <Difference
          before={`${readable(other.run.output)}\n`}
          after={`${readable(shown.run.output)}\n`}
          label="From the compared output to the shown one"
        />
      )}
    </Card>
  );
}
