// The metrics of a function: how often it was called, with what results, and how long it took.

import { Button, Group, SegmentedControl, Stack, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { FunctionMetricsDocument, type Window } from "../../graphql/generated.ts";
import { useAsked } from "../../graphql/live.ts";
import { Empty, Failure, Waiting } from "../../ui/states.tsx";
import { Charts, Numbers } from "./Charts.tsx";
import { cards, EVERY, LENGTH, quiet, WINDOWS } from "./model.ts";
import { useEvery } from "./useEvery.ts";

export function FunctionMetrics({
  id,
  window,
  setWindow,
}: {
  id: string;
  window: Window;
  setWindow: (window: Window) => void;
}) {
  const { data, error, again, old } = useAsked(FunctionMetricsDocument, { id, window });
  useEvery(again, EVERY[window]);
  if (error && !data) return <Failure error={error} again={again} />;
  if (!data) return <Waiting again={again} />;
  const { metrics, function: of } = data;
  if (!of) return null;
  return (
    <Stack gap="md" className={old ? "old" : undefined} aria-busy={old}>
      <Group justify="space-between" gap="xs">
        <Text size="sm" c="dimmed">
          {LENGTH[window]}, refreshed every {EVERY[window] / 1000} s
        </Text>
        <SegmentedControl
          size="xs"
          value={window}
          onChange={(value) => setWindow(value as Window)}
          data={[...WINDOWS]}
          aria-label="Window"
        />
      </Group>
      <Numbers cards={cards(metrics, of.instances.length)} />
      {error && (
        <Text size="xs" c="red" role="alert">
          These numbers are old: {error.message.replace(/^\[\w+\] /, "")}
        </Text>
      )}
      {quiet(metrics) ? (
        <Empty
          title={`No calls in ${LENGTH[window]}`}
          action={
            of.state === "RUNNING" && (
              <Button size="xs" mt="xs" component={Link} to={`/functions/${id}/invoke`}>
                Call it now
              </Button>
            )
          }
        >
          Charts stand here as soon as there is something to draw. A longer window may have older calls.
        </Empty>
      ) : (
        <Charts of={metrics} window={window} />
      )}
    </Stack>
  );
}
