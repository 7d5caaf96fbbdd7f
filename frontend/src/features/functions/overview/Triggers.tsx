// The triggers of a function.

import { Badge, Card, Code, Group, List, Stack, Text, Title } from "@mantine/core";
import type { FunctionTriggersFragment } from "../../../graphql/generated.ts";
import { exact } from "../../../lib/time.ts";
import { Copy } from "../../../ui/page.tsx";
import { When } from "../../../ui/when.tsx";
import { pages, paths } from "./doors.ts";

type Trigger = FunctionTriggersFragment["triggers"][number];

export function Triggers({
  triggers,
  running,
  times = false,
}: {
  triggers: readonly Trigger[];
  running: boolean;
  times?: boolean;
}) {
  return (
    <Card withBorder h="100%">
      <Title order={3} size="h5" mb="sm">
        Triggers
      </Title>
      {triggers.length === 0 && (
        <Text size="sm" c="dimmed">
          Known after the first build.
        </Text>
      )}
      <Stack gap="sm">
        {triggers.map((trigger, index) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a version's triggers never change their order
          <Group key={index} gap="xs" align="flex-start" wrap="nowrap">
            <Badge variant="light" radius="sm" style={{ textTransform: "none", flexShrink: 0 }} w={84}>
              {trigger.type}
            </Badge>
            <div style={{ minWidth: 0, overflowWrap: "anywhere" }}>
              <One trigger={trigger} running={running} times={times} />
            </div>
          </Group>
        ))}
      </Stack>
    </Card>
  );
}

function One({ trigger, running, times }: { trigger: Trigger; running: boolean; times: boolean }) {
  switch (trigger.type) {
    case "event":
      return (
        <Text size="sm" component="div">
          events of type <Code>{trigger.pattern}</Code>
          {trigger.filter !== null && trigger.filter !== undefined && (
            <>
              {" "}
              that contain <Code>{JSON.stringify(trigger.filter)}</Code>
            </>
          )}
        </Text>
      );
    case "schedule":
      return (
        <Text size="sm" component="div">
          <Code>{trigger.cron}</Code> {trigger.timezone}
          {!running && ", once the function runs"}
          {running && !times && trigger.nextFireTimes?.[0] && (
            <>
              , next <When at={trigger.nextFireTimes[0]} />
            </>
          )}
          {running && times && (
            <>
              <Text size="xs" c="dimmed" mt={4}>
                missed times: {(trigger.catchUp ?? "NONE").toLowerCase()}; while the last one runs:{" "}
                {(trigger.overlap ?? "ALLOW").toLowerCase()}. Next:
              </Text>
              <List size="sm">
                {(trigger.nextFireTimes ?? []).map((time) => (
                  <List.Item key={time}>
                    {exact(time)} <When at={time} c="dimmed" />
                  </List.Item>
                ))}
              </List>
            </>
          )}
        </Text>
      );
    default:
      return (
        <>
          {trigger.name && (
            <Text size="sm">
              {trigger.name}: {trigger.scheme}
              {trigger.secret && `, secret ${trigger.secret}`}
            </Text>
          )}
          {trigger.url && <Address url={trigger.url} label="Copy the address" />}
          {trigger.pathUrl && trigger.path && (
            <Address url={trigger.pathUrl} label={`Copy the address of ${paths(trigger.path)}`} />
          )}
          {trigger.type === "http" && <Doors trigger={trigger} />}
        </>
      );
  }
}

function Address({ url, label }: { url: string; label: string }) {
  return (
    <Group gap={4} wrap="nowrap">
      <Code style={{ overflowWrap: "anywhere" }}>{url}</Code>
      <Copy text={url} label={label} />
    </Group>
  );
}

/** Details of an http trigger in addition to its address. */
function Doors({ trigger }: { trigger: Trigger }) {
  const notes = [
    trigger.auth === "NONE" && "Everybody may call it, without a token",
    trigger.path && `Its own path: ${paths(trigger.path)}`,
    pages(trigger.cors),
  ].filter((one) => typeof one === "string");
  return notes.map((one) => (
    <Text key={one} size="xs" c="dimmed">
      {one}
    </Text>
  ));
}
