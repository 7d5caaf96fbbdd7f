// The result of a call: its answer and its log lines.

import { Alert, Anchor, Button, Card, Group, Stack, Text, Title } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { duration } from "../../../lib/time.ts";
import { Json } from "../../../ui/json.tsx";
import { once } from "../../../ui/once.ts";
import { Status } from "../../../ui/status.tsx";
import { RunLog } from "../../logs/RunLog.tsx";
import { headline } from "../../runs/error.ts";
import { excerpt, over } from "./invocation.ts";
import type { Call } from "./useCalls.ts";

export function Outcome({
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
                    took !== null && `${duration(took)} round trip`,
                    run.coldStart && "cold start",
                  ]
                    .filter(Boolean)
                    .join(", ")
                : run.state === "RETRYING"
                  ? `attempt ${run.attempt} failed; it is tried again`
                  : run.state === "QUEUED"
                    ? "waiting for its turn"
                    : "in progress"}
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
            Log
          </Text>
          <RunLog key={run.id} run={run.id} height="180px" />
        </div>
      </Stack>
    </Card>
  );
}
