// One dead letter: why it failed, its input, and the possible actions.

import { Anchor, Button, Card, Checkbox, Group, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { DeadInputDocument, type RunRowFragment } from "../../graphql/generated.ts";
import { useAsked } from "../../graphql/live.ts";
import { shownName } from "../../lib/namespace.ts";
import { short } from "../../lib/time.ts";
import { Json } from "../../ui/json.tsx";
import { Failure, Waiting } from "../../ui/states.tsx";
import { When } from "../../ui/when.tsx";
import { headline } from "../runs/error.ts";
import type { Decision } from "./model.ts";

export function Letter({
  run,
  on,
  toggle,
  ask,
}: {
  run: RunRowFragment;
  on: boolean;
  toggle: ((on: boolean) => void) | undefined;
  ask: ((decision: Decision) => void) | undefined;
}) {
  const [opened, setOpened] = useState(false);
  return (
    <Card withBorder padding="sm">
      <Group gap="sm" align="flex-start" wrap="nowrap">
        {toggle && (
          <Checkbox
            size="sm"
            checked={on}
            onChange={(event) => toggle(event.currentTarget.checked)}
            aria-label={`Choose run ${short(run.id)} of ${run.function.name}`}
          />
        )}
        <div style={{ minWidth: 0, flex: 1 }}>
          <Group justify="space-between" gap="xs" align="flex-start">
            <div style={{ minWidth: 0, flex: "1 1 230px" }}>
              <Group gap="xs">
                <Anchor component={Link} to={`/runs/${run.id}`} className="mono">
                  {short(run.id, 13)}
                </Anchor>
                <Anchor component={Link} to={`/functions/${run.function.id}`} size="sm" fw={600}>
                  {shownName(run.function)}
                </Anchor>
                <Text size="xs" c="dimmed">
                  {run.trigger}
                  {run.version !== null && ` · v${run.version}`} · {run.attempt}{" "}
                  {run.attempt === 1 ? "attempt" : "attempts"} · died <When at={run.finishedAt ?? run.queuedAt} />
                </Text>
              </Group>
              <Text
                size="sm"
                c="red"
                mt={4}
                lineClamp={3}
                style={{ overflowWrap: "anywhere" }}
                title={run.error ?? undefined}
              >
                {run.error ? headline(run.error) : "No reason was given."}
              </Text>
            </div>
            <Group gap={6}>
              <Button size="compact-xs" variant="subtle" onClick={() => setOpened(!opened)} aria-expanded={opened}>
                {opened ? "Hide the input" : "Input"}
              </Button>
              {ask && (
                <>
                  <Button size="compact-xs" variant="light" onClick={() => ask("redrive")}>
                    Redrive
                  </Button>
                  <Button size="compact-xs" variant="subtle" color="red" onClick={() => ask("purge")}>
                    Purge
                  </Button>
                </>
              )}
            </Group>
          </Group>
          {opened && <Input id={run.id} />}
        </div>
      </Group>
    </Card>
  );
}

function Input({ id }: { id: string }) {
  const { data, error, again } = useAsked(DeadInputDocument, { id });
  if (error && !data) return <Failure error={error} again={again} />;
  if (!data?.run) return <Waiting rows={2} again={again} />;
  return (
    <Json
      value={data.run.input}
      label={data.run.inputCut ? "Its beginning: it was longer than what is kept, and cannot be redriven" : "Input"}
      max={260}
    />
  );
}
