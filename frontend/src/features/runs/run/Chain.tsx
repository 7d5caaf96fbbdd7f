// The runs and events that a run came from, and those that it led to.

import { Anchor, Card, Group, Stack, Text, Title } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { shownName } from "../../../lib/namespace.ts";
import { Fact } from "../../../ui/page.tsx";
import { Status } from "../../../ui/status.tsx";
import { When } from "../../../ui/when.tsx";
import { RunLink } from "./RunLink.tsx";
import type { Run } from "./run.ts";

/** Other runs with their states. */
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

export function Chain({ run }: { run: Run }) {
  const replays = run.replays.nodes.filter((other) => other.id !== run.redrivenAs?.id);
  // A replay keeps the event of the first run, which has its own row.
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
          <Fact name="Callback">
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
