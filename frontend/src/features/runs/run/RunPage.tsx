// One run: its timeline, its error, input, output and log lines, related runs, and repeating it.

import { Anchor, Card, Grid, Group, SimpleGrid, Stack, Text, Title } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import { RunChangedDocument, RunDocument } from "../../../graphql/generated.ts";
import { useAsked, useFollowed } from "../../../graphql/live.ts";
import { shownName } from "../../../lib/namespace.ts";
import { duration, short } from "../../../lib/time.ts";
import { Json } from "../../../ui/json.tsx";
import { Copy, Fact, Page } from "../../../ui/page.tsx";
import { Empty, Failure, Waiting } from "../../../ui/states.tsx";
import { Status } from "../../../ui/status.tsx";
import { useRecords } from "../../history/useRecords.ts";
import { goesOn } from "../state.ts";
import { Chain } from "./Chain.tsx";
import { DeadLetter } from "./DeadLetter.tsx";
import { RunActions } from "./RunActions.tsx";
import { RunTimeline } from "./RunTimeline.tsx";
import { WhyFailed } from "./WhyFailed.tsx";
import { WrittenLines } from "./WrittenLines.tsx";

/** Pages of 100 records of a run's life that are loaded. */
const PAGES = 10;

export function RunPage({ id }: { id: string }) {
  const { data, error, again, look } = useAsked(RunDocument, { id });
  const of = data?.run?.function.id;
  const records = useRecords(id, PAGES);
  const [lastErrors, setLastErrors] = useState("");
  useFollowed(
    RunChangedDocument,
    { function: of ?? null },
    ({ runChanged }) => {
      // Other runs of the same event are shown in the chain.
      if (runChanged.run.id === id || data?.run?.event?.runs.nodes.some((one) => one.id === runChanged.run.id)) look();
    },
    of === undefined,
  );
  // Events between loading the run and subscribing to it are in its records, which have no gap.
  const newest = records.records.at(-1)?.position ?? 0;
  const known = data?.run?.position ?? 0;
  const asked = useRef(0);
  useEffect(() => {
    if (known === 0 || newest <= known || newest === asked.current) return;
    asked.current = newest;
    look();
  }, [newest, known, look]);
  if (error && !data) return <Failure error={error} again={again} />;
  if (!data) return <Waiting again={again} />;
  const run = data.run;
  if (!run) {
    return (
      <Empty title="There is no such run" action={<Link to="/runs">Go to runs</Link>}>
        Runs are kept for 7 days unless the server is set otherwise.
      </Empty>
    );
  }
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
      {run.error && <WhyFailed run={run} lastErrors={lastErrors} />}
      <DeadLetter run={run} look={look} />
      <RunTimeline run={run} records={records} />
      <Grid gap="md">
        <Grid.Col span={{ base: 12, md: 5 }}>
          <Stack gap="md">
            <Card withBorder>
              <SimpleGrid cols={2} spacing="sm">
                <Fact name="Duration">{duration(run.durationMs)}</Fact>
                <Fact name="Queued for">{duration(run.queuedMs)}</Fact>
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
          Log
        </Title>
        <WrittenLines run={run} setLastErrors={setLastErrors} />
      </div>
    </Page>
  );
}
