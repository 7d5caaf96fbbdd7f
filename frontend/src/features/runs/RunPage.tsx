// One run: its attempts, what went in and came out, what it wrote, what it came from, and doing it again.

import {
  Alert,
  Anchor,
  Button,
  Card,
  Grid,
  Group,
  Modal,
  NumberInput,
  SimpleGrid,
  Stack,
  Text,
  Title,
} from "@mantine/core";
import { Link, useNavigate } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { useMutation } from "urql";
import { useViewer } from "../../app/session.tsx";
import {
  CancelRunDocument,
  HistoryDocument,
  ReplayRunDocument,
  RunChangedDocument,
  RunDocument,
  type RunQuery,
} from "../../graphql/generated.ts";
import { useAsked, useFollowed } from "../../graphql/live.ts";
import { duration, short } from "../../lib/time.ts";
import { Icon } from "../../ui/icons.tsx";
import { Json } from "../../ui/json.tsx";
import { JsonEditor, jsonFault } from "../../ui/jsonEditor.tsx";
import { accepted } from "../../ui/notify.ts";
import { Copy, Fact, Page } from "../../ui/page.tsx";
import { Empty, Failure, Waiting } from "../../ui/states.tsx";
import { Status } from "../../ui/status.tsx";
import { When } from "../../ui/when.tsx";
import { goesOn, timeline } from "./model.ts";
import { RunLog } from "./RunLog.tsx";
import { Timeline } from "./Timeline.tsx";

type Run = NonNullable<RunQuery["run"]>;

export function RunPage({ id }: { id: string }) {
  const { data, error, again, look } = useAsked(RunDocument, { id });
  const of = data?.run?.function.id;
  const life = useAsked(HistoryDocument, { stream: id });
  useFollowed(
    RunChangedDocument,
    { function: of ?? null },
    ({ runChanged }) => {
      if (runChanged.run.id !== id) return;
      look();
      life.look();
    },
    of === undefined,
  );
  const [now, setNow] = useState(Date.now());
  const on = data?.run ? goesOn(data.run.state) : false;
  useEffect(() => {
    if (!on) return;
    const timer = setInterval(() => setNow(Date.now()), 500);
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
  const stretches = timeline(life.data?.history.nodes ?? [], Math.max(now, Date.now()));
  return (
    <Page
      title={`Run ${short(run.id)}`}
      aside={
        <Group gap="xs">
          <Status state={run.state} />
          <Anchor component={Link} to={`/functions/${run.function.id}`} size="sm">
            {run.function.name}
          </Anchor>
          {run.version !== null && (
            <Text size="sm" c="dimmed">
              v{run.version}
            </Text>
          )}
        </Group>
      }
      actions={<RunActions run={run} />}
    >
      {run.error && (
        <Alert color="red" p="xs" title="Why it failed">
          <Text size="sm" style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>
            {run.error}
          </Text>
        </Alert>
      )}
      <Grid gap="md">
        <Grid.Col span={{ base: 12, md: 5 }}>
          <Stack gap="md">
            <Card withBorder>
              <Title order={2} size="h5" mb="sm">
                Attempts
              </Title>
              {stretches.length > 0 ? (
                <Timeline stretches={stretches} />
              ) : (
                <Text size="sm" c="dimmed">
                  The log has no record of it any more.
                </Text>
              )}
              {run.state === "RETRYING" && run.dueAt && (
                <Text size="sm" mt="xs">
                  The next attempt is due <When at={run.dueAt} />.
                </Text>
              )}
            </Card>
            <Card withBorder>
              <SimpleGrid cols={2} spacing="sm">
                <Fact name="Asked for">
                  <When at={run.queuedAt} />
                </Fact>
                <Fact name="Finished">
                  <When at={run.finishedAt} />
                </Fact>
                <Fact name="Took">{duration(run.durationMs)}</Fact>
                <Fact name="Waited">{duration(run.queuedMs)}</Fact>
                <Fact name="Answer">{run.httpStatus ?? (run.exitCode === null ? "–" : `exit ${run.exitCode}`)}</Fact>
                <Fact name="Cold start">{run.coldStart === null ? "–" : run.coldStart ? "yes" : "no"}</Fact>
                <Fact name="Instance">{run.instance ?? "–"}</Fact>
                <Fact name="Id">
                  <Group gap={2} wrap="nowrap">
                    <span className="mono">{short(run.id)}</span>
                    <Copy text={run.id} />
                  </Group>
                </Fact>
              </SimpleGrid>
            </Card>
            <Chain run={run} />
          </Stack>
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 7 }}>
          <Stack gap="md">
            <Json value={run.output} label={run.outputCut ? "Output (its beginning)" : "Output"} />
            <Json value={run.input} label={run.inputCut ? "Input (its beginning)" : "Input"} />
            <div>
              <Text size="xs" c="dimmed" mb={4}>
                Log
              </Text>
              <RunLog key={run.id} run={run.id} height="260px" />
            </div>
          </Stack>
        </Grid.Col>
      </Grid>
    </Page>
  );
}

function Chain({ run }: { run: Run }) {
  const others = run.event?.runs.nodes.filter((other) => other.id !== run.id) ?? [];
  return (
    <Card withBorder>
      <Title order={2} size="h5" mb="sm">
        Chain
      </Title>
      <Stack gap="xs">
        <Fact name="Came from">
          {run.replayedFrom ? (
            <>
              a replay of{" "}
              <Anchor component={Link} to={`/runs/${run.replayedFrom.id}`} className="mono">
                {short(run.replayedFrom.id)}
              </Anchor>
            </>
          ) : run.event ? (
            <>
              the event{" "}
              <Anchor component={Link} to={`/events/${run.event.id}`} size="sm">
                {run.event.type}
              </Anchor>{" "}
              from {run.event.source}
            </>
          ) : (
            `a call (${run.trigger})`
          )}
        </Fact>
        {run.callback && (
          <Fact name="Its outcome is told to">
            {run.callback.url}: {run.callback.state.replaceAll("_", " ").toLowerCase()}
            {run.callback.failures > 0 && ` after ${run.callback.failures} failed attempts`}
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
        {run.redrivenAs && (
          <Fact name="Redriven as">
            <Anchor component={Link} to={`/runs/${run.redrivenAs.id}`} className="mono">
              {short(run.redrivenAs.id)}
            </Anchor>
          </Fact>
        )}
        {others.length > 0 && (
          <Fact name="The same event also caused">
            {others.map((other) => (
              <Group key={other.id} gap="xs">
                <Anchor component={Link} to={`/runs/${other.id}`} className="mono">
                  {short(other.id)}
                </Anchor>
                {other.function.name} <Status state={other.state} size="xs" />
              </Group>
            ))}
          </Fact>
        )}
      </Stack>
    </Card>
  );
}

function RunActions({ run }: { run: Run }) {
  const { mayWrite } = useViewer();
  const navigate = useNavigate();
  const [, cancel] = useMutation(CancelRunDocument);
  const [{ fetching }, replay] = useMutation(ReplayRunDocument);
  const [edited, setEdited] = useState(false);
  if (!mayWrite) return null;
  const again = async (version: number | null, payload?: unknown) => {
    const { data, error } = await replay({ id: run.id, version, ...(payload === undefined ? {} : { payload }) });
    const made = data?.replayRun;
    if (accepted("It was not run again", error, made) && made?.run)
      await navigate({ to: "/runs/$id", params: { id: made.run.id } });
  };
  return (
    <>
      {goesOn(run.state) && (
        <Button
          size="xs"
          variant="default"
          leftSection={<Icon name="stop" size={13} />}
          onClick={async () => {
            const { data, error } = await cancel({ id: run.id });
            accepted("It was not cancelled", error, data?.cancelRun);
          }}
        >
          Cancel
        </Button>
      )}
      <Button
        size="xs"
        leftSection={<Icon name="again" size={13} />}
        loading={fetching}
        disabled={run.inputCut}
        onClick={() => void again(null)}
      >
        Run again
      </Button>
      <Button size="xs" variant="default" onClick={() => setEdited(true)}>
        Edit and run
      </Button>
      <Modal opened={edited} onClose={() => setEdited(false)} title="Run again with another input" size="lg">
        <Edited run={run} close={() => setEdited(false)} again={again} />
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
  again: (version: number | null, payload: unknown) => Promise<void>;
}) {
  const [text, setText] = useState(() => payloadOf(run.input));
  const [version, setVersion] = useState<number | string>("");
  return (
    <Stack>
      <JsonEditor label="Payload" value={text} onChange={setText} height={240} />
      <NumberInput
        label="Version"
        description="Empty: the one that answers now"
        value={version}
        onChange={setVersion}
        min={1}
        allowDecimal={false}
      />
      <Group justify="flex-end">
        <Button variant="default" onClick={close}>
          Cancel
        </Button>
        <Button
          disabled={jsonFault(text) !== null}
          onClick={async () => {
            await again(typeof version === "number" ? version : null, text.trim() === "" ? null : JSON.parse(text));
            close();
          }}
        >
          Run
        </Button>
      </Group>
    </Stack>
  );
}
