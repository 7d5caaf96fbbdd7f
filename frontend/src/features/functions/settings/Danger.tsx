// Stopping and deregistering a function.

import { Button, Card, Group, Stack, Text, Title } from "@mantine/core";
import { useState } from "react";
import type { FunctionRowFragment } from "../../../graphql/generated.ts";
import { shownName } from "../../../lib/namespace.ts";
import { Confirm } from "../../../ui/confirm.tsx";
import { allowed } from "../model.ts";
import { useActions } from "../useActions.ts";

export function Danger({ of }: { of: FunctionRowFragment }) {
  const actions = useActions();
  const may = allowed(of);
  const [stopping, setStopping] = useState(false);
  const [going, setGoing] = useState(false);
  return (
    <Card withBorder style={{ borderColor: "var(--mantine-color-red-outline)" }}>
      <Stack gap="md">
        <Group justify="space-between" gap="xs">
          <div style={{ flex: "1 1 260px" }}>
            <Title order={3} size="h6">
              Stop
            </Title>
            <Text size="sm" c="dimmed">
              It answers nothing until it is started again. Versions, settings and history stay; calls that it works on
              are finished first.
            </Text>
          </div>
          {may.stop ? (
            <Button variant="default" onClick={() => setStopping(true)} loading={actions.busy}>
              Stop
            </Button>
          ) : (
            <Button
              variant="default"
              onClick={() => void actions.start(of)}
              loading={actions.busy}
              disabled={!may.start}
            >
              Start
            </Button>
          )}
        </Group>
        <Group justify="space-between" gap="xs">
          <div style={{ flex: "1 1 260px" }}>
            <Title order={3} size="h6">
              Deregister
            </Title>
            <Text size="sm" c="dimmed">
              For good. Its address, triggers and webhooks are gone, and its name is free for another function. Its
              history stays for ever, its runs and logs as long as others'; secrets belong to the namespace and stay.
            </Text>
          </div>
          <Button color="red" onClick={() => setGoing(true)} disabled={!may.deregister}>
            Deregister
          </Button>
        </Group>
      </Stack>
      <Confirm
        opened={stopping}
        close={() => setStopping(false)}
        title={`Stop ${shownName(of)}?`}
        act="Stop"
        onConfirm={async () => {
          await actions.stop(of);
        }}
      >
        <Text size="sm">Calls are refused, and events and due times are ignored, until it is started again.</Text>
      </Confirm>
      <Confirm
        opened={going}
        close={() => setGoing(false)}
        title={`Deregister ${shownName(of)}?`}
        act="Deregister"
        danger
        type={of.name}
        onConfirm={async () => {
          await actions.deregister(of);
        }}
      >
        <Text size="sm">This is permanent and cannot be undone. Its history stays in the log.</Text>
      </Confirm>
    </Card>
  );
}
