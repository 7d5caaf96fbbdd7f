// Calling a function by hand: what goes in, what comes out, what it wrote meanwhile.

import { Alert, Anchor, Button, Card, Grid, Group, Stack, Text, Title } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { useMutation } from "urql";
import { InvokeFunctionDocument, type InvokeFunctionMutation, RunChangedDocument } from "../../graphql/generated.ts";
import { useFollowed } from "../../graphql/live.ts";
import { duration } from "../../lib/time.ts";
import { Json } from "../../ui/json.tsx";
import { JsonEditor, jsonFault } from "../../ui/jsonEditor.tsx";
import { accepted } from "../../ui/notify.ts";
import { Status } from "../../ui/status.tsx";
import { RunLog } from "../runs/RunLog.tsx";

type Result = NonNullable<InvokeFunctionMutation["invokeFunction"]["run"]>;

const KEY = "eventflow:payload:";

/** What was sent last to this function from this browser's tab. */
function remembered(id: string): string {
  try {
    return sessionStorage.getItem(KEY + id) ?? '{\n  "name": "Ada"\n}';
  } catch {
    return "";
  }
}

export function Invoke({ id }: { id: string }) {
  const [payload, setPayload] = useState(() => remembered(id));
  const [{ fetching }, invoke] = useMutation(InvokeFunctionDocument);
  const [result, setResult] = useState<Result | null>(null);
  const [took, setTook] = useState(0);
  const [refusal, setRefusal] = useState<string | null>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the result of another function is not this one's
  useEffect(() => setResult(null), [id]);
  // The answer may come before the run is over: what happens to it afterwards is told here.
  useFollowed(RunChangedDocument, { function: id }, ({ runChanged: { run } }) =>
    setResult((now) => (now && now.id === run.id ? { ...now, ...run } : now)),
  );

  const send = async () => {
    if (jsonFault(payload) !== null) return;
    try {
      sessionStorage.setItem(KEY + id, payload);
    } catch {
      // A browser that keeps nothing loses a convenience.
    }
    setRefusal(null);
    const begun = performance.now();
    const { data, error } = await invoke({
      id,
      payload: payload.trim() === "" ? null : JSON.parse(payload),
      wait: true,
    });
    setTook(performance.now() - begun);
    const answer = data?.invokeFunction;
    if (accepted("It was not called", error, answer) && answer?.run) setResult(answer.run);
    else setRefusal(answer?.userErrors.map((one) => one.message).join(" ") ?? null);
  };

  return (
    <Grid gap="md">
      <Grid.Col span={{ base: 12, md: 5 }}>
        <Stack gap="sm">
          <JsonEditor label="Payload" value={payload} onChange={setPayload} height={220} onSubmit={() => void send()} />
          <Group>
            <Button onClick={() => void send()} loading={fetching} disabled={jsonFault(payload) !== null}>
              Invoke
            </Button>
            <Text size="xs" c="dimmed">
              Ctrl Enter
            </Text>
          </Group>
          {refusal && (
            <Alert color="red" p="xs">
              {refusal}
            </Alert>
          )}
        </Stack>
      </Grid.Col>
      <Grid.Col span={{ base: 12, md: 7 }}>
        {result ? (
          <Card withBorder>
            <Stack gap="sm">
              <Group gap="xs">
                <Title order={3} size="h5">
                  Result
                </Title>
                <Status state={result.state} />
                {result.httpStatus !== null && <Text size="sm">{result.httpStatus}</Text>}
                {result.exitCode !== null && <Text size="sm">exit {result.exitCode}</Text>}
                <Text size="sm" c="dimmed">
                  {duration(result.durationMs)} in the function, {duration(took)} in all
                  {result.coldStart ? ", cold start" : ""}
                </Text>
                <Anchor component={Link} to={`/runs/${result.id}`} size="sm">
                  Open the run
                </Anchor>
              </Group>
              {result.error && (
                <Alert color="red" p="xs">
                  {result.error}
                </Alert>
              )}
              <Json value={result.output} label={result.outputCut ? "Output (its beginning)" : "Output"} />
              <RunLog key={result.id} run={result.id} height="180px" />
            </Stack>
          </Card>
        ) : (
          <Text size="sm" c="dimmed">
            What it answers, and the lines that it writes, will stand here.
          </Text>
        )}
      </Grid.Col>
    </Grid>
  );
}
