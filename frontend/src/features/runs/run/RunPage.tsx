// One run: its life over time, why it failed, what went in and came out, what it wrote, what it came from and what came
// of it, and doing it again.

import {
  Alert,
  Anchor,
  Button,
  Card,
  Code,
  Grid,
  Group,
  Modal,
  Select,
  SimpleGrid,
  Stack,
  Text,
  Title,
} from "@mantine/core";
import { Link, useNavigate } from "@tanstack/react-router";
import { type ReactNode, useEffect, useMemo, useRef, useState } from "react";
import { useMutation } from "urql";
import {
  CancelRunDocument,
  PurgeRunDocument,
  RedriveRunDocument,
  ReplayRunDocument,
  RunChangedDocument,
  RunDocument,
  type RunQuery,
  VersionNumbersDocument,
} from "../../../graphql/generated.ts";
import { useAsked, useFollowed } from "../../../graphql/live.ts";
import { plain } from "../../../lib/ansi.ts";
import { now as clock } from "../../../lib/clock.ts";
import { levelOf } from "../../../lib/level.ts";
import { shownName } from "../../../lib/namespace.ts";
import { missingSecret, withoutMutation } from "../../../lib/secret.ts";
import { duration, short } from "../../../lib/time.ts";
import { versionNumbers } from "../../../lib/versions.ts";
import { Confirm } from "../../../ui/confirm.tsx";
import { Icon } from "../../../ui/icons.tsx";
import { Json } from "../../../ui/json.tsx";
import { JsonEditor, jsonFault } from "../../../ui/jsonEditor.tsx";
import { Log } from "../../../ui/log.tsx";
import { accepted, tellDone } from "../../../ui/notify.ts";
import { once } from "../../../ui/once.ts";
import { Copy, Fact, Page } from "../../../ui/page.tsx";
import { Empty, Failure, Waiting } from "../../../ui/states.tsx";
import { Status } from "../../../ui/status.tsx";
import { When } from "../../../ui/when.tsx";
import { useViewer } from "../../auth/viewer.tsx";
import { useLife } from "../../history/useLife.ts";
import { useLines } from "../../logs/useLines.ts";
import { faultLines, goesOn, headline, timeline } from "../model.ts";
import { Timeline } from "./Timeline.tsx";

type Run = NonNullable<RunQuery["run"]>;

/** Pages of 100 records of a run's life that are loaded. */
const PAGES = 10;

export function RunPage({ id }: { id: string }) {
  const { data, error, again, look } = useAsked(RunDocument, { id });
  const of = data?.run?.function.id;
  const life = useLife(id, PAGES);
  const [near, setNear] = useState("");
  useFollowed(
    RunChangedDocument,
    { function: of ?? null },
    ({ runChanged }) => {
      // Other runs of the same event belong to the chain.
      if (runChanged.run.id === id || data?.run?.event?.runs.nodes.some((one) => one.id === runChanged.run.id)) look();
    },
    of === undefined,
  );
  // What happened after the run was read and before it was followed is told by its records: they go on without a gap.
  const newest = life.records.at(-1)?.position ?? 0;
  const known = data?.run?.position ?? 0;
  const asked = useRef(0);
  useEffect(() => {
    if (known === 0 || newest <= known || newest === asked.current) return;
    asked.current = newest;
    look();
  }, [newest, known, look]);
  const stretches = useMemo(() => timeline(life.records, Number.POSITIVE_INFINITY), [life.records]);
  const on = stretches.some((stretch) => stretch.open);
  const [now, setNow] = useState(clock());
  useEffect(() => {
    if (!on) return;
    const timer = setInterval(() => setNow(clock()), 500);
    return () => clearInterval(timer);
  }, [on]);

  if (error && !data) return <Failure error={error} again={again} />;
  if (!data) return <Waiting again={again} />;
  const run = data.run;
  if (!run) {
    return (
      <Empty title="There is no such run" action={<Link to="/runs">To the runs</Link>}>
        Runs are kept for 7 days unless the server is set otherwise.
      </Empty>
    );
  }
  const moment = Math.max(now, clock());
  return (
    <Page
      title={`Run ${short(run.id, 13)}`}
      aside={
        <Group gap="xs">
          <Status state={run.state} />
          <Anchor component={Link} to={`/functions/${run.function.id}`} size="sm">
            {shownName(run.function)}
          </Anchor>
          {run.version !== null && (
            <Text size="sm" c="dimmed">
              v{run.version}
            </Text>
          )}
          <Copy text={run.id} label="Copy the run's id" />
        </Group>
      }
      actions={<RunActions run={run} />}
    >
      {run.error && <Why run={run} near={near} />}
      <DeadLetter run={run} look={look} />
      <Card withBorder>
        <Group justify="space-between" mb="xs">
          <Title order={2} size="h5">
            Its life
          </Title>
          <Group gap="md">
            <Text size="xs" c="dimmed">
              requested <When at={run.queuedAt} />
              {run.finishedAt && (
                <>
                  , over <When at={run.finishedAt} />
                </>
              )}
            </Text>
          </Group>
        </Group>
        {stretches.length > 0 ? (
          <Timeline
            stretches={stretches.map((stretch) =>
              stretch.open ? { ...stretch, to: Math.max(stretch.from, moment) } : stretch,
            )}
          />
        ) : life.error ? (
          <Failure error={life.error} again={life.again} />
        ) : life.loading ? (
          <Waiting rows={2} again={life.again} />
        ) : (
          <Text size="sm" c="dimmed">
            The log has no record of it any more.
          </Text>
        )}
        {life.more && !life.loading && (
          <Text size="xs" c="dimmed" mt="xs">
            Of its {life.total.toLocaleString()} records the newest {life.records.length.toLocaleString()} are shown.{" "}
            <Button size="compact-xs" variant="default" onClick={life.load}>
              Load older ones
            </Button>
          </Text>
        )}
        {run.state === "RETRYING" && run.dueAt && (
          <Text size="sm" mt="xs">
            The next attempt is due <When at={run.dueAt} />.
          </Text>
        )}
      </Card>
      <Grid gap="md">
        <Grid.Col span={{ base: 12, md: 5 }}>
          <Stack gap="md">
            <Card withBorder>
              <SimpleGrid cols={2} spacing="sm">
                <Fact name="Took">{duration(run.durationMs)}</Fact>
                <Fact name="Waited">{duration(run.queuedMs)}</Fact>
                <Fact name="Answer">
                  {run.httpStatus === null ? (run.exitCode === null ? "–" : `exit ${run.exitCode}`) : run.httpStatus}
                </Fact>
                <Fact name="Cold start">{run.coldStart === null ? "–" : run.coldStart ? "yes" : "no"}</Fact>
                <Fact name="Attempts">{run.attempt}</Fact>
                <Fact name="Instance">{run.instance ?? "–"}</Fact>
              </SimpleGrid>
            </Card>
            <Chain run={run} />
          </Stack>
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 7 }}>
          <Stack gap="md">
            {run.output === null ? (
              <Fact name="Output">{goesOn(run.state) ? "none yet" : "none"}</Fact>
            ) : (
              <Json value={run.output} label={run.outputCut ? "Output (its beginning)" : "Output"} />
            )}
            <Json
              value={run.input}
              label={run.inputCut ? "Input (its beginning: it was longer than what is kept)" : "Input"}
            />
          </Stack>
        </Grid.Col>
      </Grid>
      <div>
        <Title order={2} size="h5" mb="xs">
          What it wrote
        </Title>
        <Written run={run} near={setNear} />
      </div>
    </Page>
  );
}

/** Its lines, in a part of the page of their own: there may be thousands in a second, and the rest does not change. */
function Written({ run, near }: { run: Run; near: (text: string) => void }) {
  const { lines, version, dropped, error, waiting, again } = useLines({ run: run.id });
  const failed = run.error !== null;
  // biome-ignore lint/correctness/useExhaustiveDependencies: `version` says that the array has changed inside
  useEffect(() => {
    if (failed)
      near(
        faultLines(lines, (line) => levelOf(line))
          .map((line) => plain(line.text))
          .join("\n"),
      );
  }, [failed, lines, version, near]);
  if (error) return <Failure error={new Error(error)} again={again} title="The log could not be loaded" />;
  return (
    <Log
      lines={lines}
      version={version}
      dropped={dropped}
      height="320px"
      name={`run-${run.id}`}
      label="Log of the run"
      empty={waiting ? "Loading …" : goesOn(run.state) ? "Nothing yet." : "It has written nothing."}
    />
  );
}

/** Why it failed, with the lines of its log that say so. */
function Why({ run, near }: { run: Run; near: string }) {
  return (
    <Alert
      color="red"
      p="sm"
      styles={{ body: { minWidth: 0 } }}
      title={run.state === "SUCCEEDED" || run.state === "RUNNING" ? "What went wrong before" : "Why it failed"}
    >
      <Text size="sm" style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>
        {run.error && (near === "" ? withoutMutation(run.error) : headline(run.error))}
      </Text>
      {missingSecret(run.error) && (
        <Anchor component={Link} to={`/functions/${run.function.id}/settings?part=variables`} size="sm">
          To the secrets of {run.function.name}
        </Anchor>
      )}
      {near !== "" && (
        <>
          <Text size="xs" mt="xs" mb={4}>
            The last errors that it wrote
          </Text>
          <Code block tabIndex={0} style={{ maxHeight: 220, overflow: "auto" }}>
            {near}
          </Code>
        </>
      )}
    </Alert>
  );
}

function DeadLetter({ run, look }: { run: Run; look: () => void }) {
  const { mayWrite } = useViewer();
  const navigate = useNavigate();
  const [{ fetching }, redrive] = useMutation(RedriveRunDocument);
  const [, purge] = useMutation(PurgeRunDocument);
  const [asking, setAsking] = useState(false);
  if (run.deadLetter === null) return null;
  if (run.deadLetter === "REDRIVEN") {
    return (
      <Alert color="blue" p="xs">
        <Text size="sm">
          It was a dead letter and was tried again
          {run.redrivenAs && (
            <>
              {" "}
              as <RunLink id={run.redrivenAs.id} plainly /> <Status state={run.redrivenAs.state} size="xs" />
            </>
          )}
          .
        </Text>
      </Alert>
    );
  }
  if (run.deadLetter === "PURGED") {
    return (
      <Alert color="gray" p="xs">
        <Text size="sm">It was a dead letter, and somebody decided to leave it be. Run it again to try it anyway.</Text>
      </Alert>
    );
  }
  return (
    <Alert color="orange" p="sm" title="It waits among the dead letters">
      <Text size="sm">
        Its last attempt failed too, and nothing happens by itself any more. Mend what went wrong, then redrive it: it
        is tried again as a new run with the same input.
      </Text>
      {mayWrite && (
        <Group gap="xs" mt="xs">
          <Button
            size="xs"
            loading={fetching}
            onClick={once(async () => {
              const { data, error } = await redrive({ id: run.id });
              const made = data?.redriveRun;
              if (accepted("It was not redriven", error, made) && made?.run) {
                tellDone("It is tried again, as this run.");
                await navigate({ to: "/runs/$id", params: { id: made.run.id } });
              }
            })}
          >
            Redrive
          </Button>
          <Button size="xs" variant="default" onClick={() => setAsking(true)}>
            Purge
          </Button>
          <Anchor component={Link} to="/dead-letters" size="sm" c="inherit" underline="always">
            All dead letters
          </Anchor>
        </Group>
      )}
      <Confirm
        opened={asking}
        close={() => setAsking(false)}
        title="Purge this dead letter?"
        act="Purge"
        danger
        onConfirm={async () => {
          const { data, error } = await purge({ id: run.id });
          if (accepted("It was not purged", error, data?.purgeRun)) tellDone("It is purged.");
          look();
        }}
      >
        <Text size="sm">
          It leaves the list of dead letters and is not tried again. The run and its history stay to be looked at.
        </Text>
      </Confirm>
    </Alert>
  );
}

/** `plainly`: in the colour of the text, where links have too little contrast. */
function RunLink({ id, plainly = false }: { id: string; plainly?: boolean }) {
  return (
    <Anchor
      component={Link}
      to={`/runs/${id}`}
      className="mono"
      {...(plainly ? { c: "inherit", underline: "always" as const } : {})}
    >
      {short(id, 13)}
    </Anchor>
  );
}

/** Other runs, each with its state. */
function Others({ runs }: { runs: readonly { id: string; state: string; more?: ReactNode }[] }) {
  return (
    <Stack gap={2}>
      {runs.map((other) => (
        <Group key={other.id} gap="xs">
          <RunLink id={other.id} />
          {other.more}
          <Status state={other.state} size="xs" />
        </Group>
      ))}
    </Stack>
  );
}

function Chain({ run }: { run: Run }) {
  const replays = run.replays.nodes.filter((other) => other.id !== run.redrivenAs?.id);
  // A replay keeps the event that the first run was caused by; it is told of by itself.
  const siblings = run.event?.runs.nodes.filter((other) => other.id !== run.id && other.replayedFrom === null) ?? [];
  const cut = run.event !== null && run.event.runs.totalCount > run.event.runs.nodes.length;
  return (
    <Card withBorder>
      <Title order={2} size="h5" mb="sm">
        Chain
      </Title>
      <Stack gap="xs">
        {run.replayedFrom && (
          <Fact name="It repeats">
            <Others runs={[run.replayedFrom]} />
          </Fact>
        )}
        <Fact name="Caused by">
          {run.event ? (
            <>
              the event{" "}
              <Anchor component={Link} to={`/events/${run.event.id}`} size="sm" underline="always">
                {run.event.type}
              </Anchor>{" "}
              from {run.event.source}
            </>
          ) : (
            <>
              a call <span className="mono">{run.trigger}</span>; the event of a synchronous call is not recorded
            </>
          )}
        </Fact>
        {siblings.length > 0 && (
          <Fact name="The same event also caused">
            <Others runs={siblings.map((other) => ({ ...other, more: shownName(other.function) }))} />
            {cut && run.event && (
              <Text size="xs" c="dimmed">
                Not all of them:{" "}
                <Anchor component={Link} to={`/runs?event=${run.event.id}`} size="xs" underline="always">
                  all {run.event.runs.totalCount.toLocaleString()} runs of the event
                </Anchor>
              </Text>
            )}
          </Fact>
        )}
        {run.redrivenAs && (
          <Fact name="Redriven as">
            <Others runs={[run.redrivenAs]} />
          </Fact>
        )}
        {replays.length > 0 && (
          <Fact name="Run again as">
            <Others
              runs={replays.map((other) => ({
                ...other,
                more: (
                  <Text span size="xs" c="dimmed">
                    {other.version !== null && `v${other.version} `}
                    <When at={other.queuedAt} />
                  </Text>
                ),
              }))}
            />
          </Fact>
        )}
        {run.replays.totalCount > run.replays.nodes.length && (
          <Text size="xs" c="dimmed">
            Not all: it was run again {run.replays.totalCount} times.
          </Text>
        )}
        {run.callback && (
          <Fact name="Its outcome is told to">
            {run.callback.url}: {run.callback.state.replaceAll("_", " ").toLowerCase()}
            {run.callback.failures > 0 &&
              ` after ${run.callback.failures} failed ${run.callback.failures === 1 ? "attempt" : "attempts"}`}
            {run.callback.dueAt && (
              <>
                , next <When at={run.callback.dueAt} />
              </>
            )}
            {run.callback.error && (
              <Text size="xs" c="red">
                {run.callback.error}
              </Text>
            )}
          </Fact>
        )}
      </Stack>
    </Card>
  );
}

function RunActions({ run }: { run: Run }) {
  const { mayWrite } = useViewer();
  const navigate = useNavigate();
  const [cancelling, cancel] = useMutation(CancelRunDocument);
  const [{ fetching }, replay] = useMutation(ReplayRunDocument);
  const [edited, setEdited] = useState(false);
  if (!mayWrite) return null;
  const again = async (version: number | null, payload?: unknown): Promise<boolean> => {
    const { data, error } = await replay({ id: run.id, version, ...(payload === undefined ? {} : { payload }) });
    const made = data?.replayRun;
    if (!accepted("It was not run again", error, made) || !made?.run) return false;
    tellDone("It runs again, as this run.");
    await navigate({ to: "/runs/$id", params: { id: made.run.id } });
    return true;
  };
  return (
    <>
      {goesOn(run.state) && (
        <Button
          size="xs"
          variant="default"
          color="red"
          leftSection={<Icon name="stop" size={13} />}
          loading={cancelling.fetching}
          onClick={async () => {
            const { data, error } = await cancel({ id: run.id });
            if (accepted("It was not cancelled", error, data?.cancelRun)) tellDone("The run is cancelled.");
          }}
        >
          Cancel
        </Button>
      )}
      {!run.inputCut && (
        <Button
          size="xs"
          leftSection={<Icon name="again" size={13} />}
          loading={fetching}
          onClick={once(() => again(null))}
        >
          Run again
        </Button>
      )}
      <Button size="xs" variant="default" onClick={() => setEdited(true)}>
        Edit and run
      </Button>
      <Modal opened={edited} onClose={() => setEdited(false)} title="Run it again" size="lg">
        {edited && <Edited run={run} close={() => setEdited(false)} again={again} />}
      </Modal>
    </>
  );
}

/** What a function got as its data, from the CloudEvent that it got. */
function payloadOf(input: unknown): string {
  const data =
    typeof input === "object" && input !== null && "data" in input ? (input as { data: unknown }).data : null;
  return data === null || data === undefined ? "" : JSON.stringify(data, null, 2);
}

function Edited({
  run,
  close,
  again,
}: {
  run: Run;
  close: () => void;
  again: (version: number | null, payload?: unknown) => Promise<boolean>;
}) {
  const first = run.inputCut ? "" : payloadOf(run.input);
  const [text, setText] = useState(first);
  const [version, setVersion] = useState("current");
  const { data } = useAsked(VersionNumbersDocument, { function: run.function.id });
  const current = data?.function?.currentVersion?.number;
  const numbers = versionNumbers(data?.function?.versions.nodes[0]?.number);
  const same = text === first && !run.inputCut;
  return (
    <Stack>
      {run.inputCut && (
        <Alert color="orange" p="xs">
          Its input was longer than what is kept, so it cannot be sent as it was: write another one.
        </Alert>
      )}
      <JsonEditor label="Payload" value={text} onChange={setText} height={240} />
      <Select
        label="Version"
        data={[
          {
            value: "current",
            label: `The one that answers now${current === undefined ? "" : ` (v${current})`}`,
          },
          ...numbers.map((number) => ({
            value: String(number),
            label: `v${number}${number === run.version ? ", as this run" : ""}`,
          })),
        ]}
        value={version}
        onChange={(to) => setVersion(to ?? "current")}
        searchable
        limit={100}
        allowDeselect={false}
      />
      <Group justify="space-between">
        <Text size="xs" c="dimmed">
          {same ? "The input is the same as before." : "With another input than before."}
        </Text>
        <Group>
          <Button variant="default" onClick={close}>
            Cancel
          </Button>
          <Button
            disabled={jsonFault(text) !== null}
            onClick={async () => {
              const chosen = version === "current" ? null : Number(version);
              const payload = same ? undefined : text.trim() === "" ? null : JSON.parse(text);
              if (await again(chosen, payload)) close();
            }}
          >
            Run
          </Button>
        </Group>
      </Group>
    </Stack>
  );
}
