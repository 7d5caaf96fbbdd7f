// Editing the triggers, each kind with its own form and a preview.

import { ActionIcon, Badge, Button, Card, Group, Menu, Stack, Text } from "@mantine/core";
import { Icon } from "../../../../ui/icons.tsx";
import type { Editing, Known } from "../editing.ts";
import { newTrigger, type Trigger, triggersOf, withItem } from "../manifest.ts";
import { EventTrigger } from "./EventTrigger.tsx";
import { HttpTrigger } from "./HttpTrigger.tsx";
import { ScheduleTrigger } from "./ScheduleTrigger.tsx";
import { type Live, type TriggerProps, textOf } from "./trigger.ts";
import { WebhookTrigger } from "./WebhookTrigger.tsx";

const KINDS = [
  { type: "http", label: "HTTP", about: "Its own address" },
  { type: "event", label: "Event", about: "Events whose type and content fit" },
  { type: "schedule", label: "Schedule", about: "The clock" },
  { type: "webhook", label: "Webhook", about: "Deliveries of GitHub and others, proved by a secret" },
];

export function EditTriggers({
  live,
  known,
  namespace,
  name,
  mayWrite,
  ...editing
}: Editing & { live: readonly Live[]; known: Known; namespace: string; name: string; mayWrite: boolean }) {
  const { manifest, change, readOnly } = editing;
  const triggers = triggersOf(manifest);
  const set = (next: readonly Trigger[]) => change({ ...manifest, triggers: next });
  return (
    <Stack gap="sm">
      {triggers.length === 0 && (
        <Text size="sm" c="dimmed">
          Nothing starts it but a call from here.
        </Text>
      )}
      {triggers.map((trigger, index) => (
        <One
          // biome-ignore lint/suspicious/noArrayIndexKey: a trigger has no name of its own; its kind keeps forms apart
          key={`${index}${String(trigger.type)}${triggers.length}`}
          trigger={trigger}
          at={`/triggers/${index}`}
          set={(next) => set(withItem(triggers, index, next))}
          live={live}
          known={known}
          namespace={namespace}
          name={name}
          mayWrite={mayWrite}
          {...editing}
        />
      ))}
      {!readOnly && (
        <Menu position="bottom-start">
          <Menu.Target>
            <Button
              size="xs"
              variant="default"
              leftSection={<Icon name="plus" size={13} />}
              style={{ alignSelf: "flex-start" }}
            >
              Add a trigger
            </Button>
          </Menu.Target>
          <Menu.Dropdown>
            {KINDS.filter(({ type }) => type !== "http" || !triggers.some((one) => one.type === "http")).map((kind) => (
              <Menu.Item key={kind.type} onClick={() => set([...triggers, newTrigger(kind.type)])}>
                {kind.label}
                <Text size="xs" c="dimmed">
                  {kind.about}
                </Text>
              </Menu.Item>
            ))}
          </Menu.Dropdown>
        </Menu>
      )}
    </Stack>
  );
}

function One(props: TriggerProps) {
  const { trigger, at, set, readOnly, fault } = props;
  return (
    <Card withBorder padding="sm">
      <Group justify="space-between" mb={6}>
        <Group gap="xs">
          <Badge variant="light" radius="sm" style={{ textTransform: "none" }}>
            {textOf(trigger.type)}
          </Badge>
          {fault(at) && (
            <Text size="xs" c="red">
              {fault(at)}
            </Text>
          )}
        </Group>
        {!readOnly && (
          <ActionIcon
            variant="subtle"
            color="gray"
            aria-label={`Remove the ${textOf(trigger.type)} trigger`}
            onClick={() => set(undefined)}
          >
            <Icon name="trash" size={14} />
          </ActionIcon>
        )}
      </Group>
      {trigger.type === "http" && <HttpTrigger {...props} />}
      {trigger.type === "event" && <EventTrigger {...props} />}
      {trigger.type === "schedule" && <ScheduleTrigger {...props} />}
      {trigger.type === "webhook" && <WebhookTrigger {...props} />}
    </Card>
  );
}
