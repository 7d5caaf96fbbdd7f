// Editing an event trigger: which events start a run.

import { ActionIcon, Button, Group, Stack, Text, TextInput } from "@mantine/core";
import { useState } from "react";
import { Icon } from "../../../../ui/icons.tsx";
import { filterOf, filterRows, type Row, withField } from "../manifest.ts";
import { type TriggerProps, textOf } from "./trigger.ts";

export function EventTrigger({ trigger, at, set, readOnly, fault }: TriggerProps) {
  const [rows, setRows] = useState<readonly Row[]>(() => filterRows(trigger.filter));
  const change = (next: readonly Row[]) => {
    setRows(next);
    const filter = filterOf(next);
    set(withField(trigger, "filter", Object.keys(filter).length > 0 ? filter : undefined));
  };
  const edit = (key: number, what: Partial<Row>) =>
    change(rows.map((row) => (row.key === key ? { ...row, ...what } : row)));
  return (
    <Stack gap="xs">
      <TextInput
        size="xs"
        label="Type of the events"
        description="Exact, or * for one segment, ** for the rest"
        placeholder="file.uploaded"
        value={textOf(trigger.pattern)}
        onChange={(event) => set({ ...trigger, pattern: event.currentTarget.value })}
        error={fault(`${at}/pattern`)}
        readOnly={readOnly}
        maw={420}
        className="mono-input"
      />
      <div>
        <Group gap="xs" mb={4}>
          <Text size="xs" fw={500}>
            Only those that contain
          </Text>
          {!readOnly && (
            <Button
              size="compact-xs"
              variant="subtle"
              onClick={() =>
                change([
                  ...rows,
                  {
                    key: Math.max(-1, ...rows.map(({ key }) => key)) + 1,
                    name: rows.length === 0 ? "data.kind" : "",
                    value: "",
                  },
                ])
              }
            >
              Add a condition
            </Button>
          )}
        </Group>
        {rows.length === 0 && (
          <Text size="xs" c="dimmed">
            Whatever they contain.
          </Text>
        )}
        <Stack gap={6}>
          {rows.map((row) => (
            <Group key={row.key} gap={6} wrap="nowrap">
              <TextInput
                size="xs"
                aria-label="Path in the event"
                placeholder="data.kind"
                value={row.name}
                onChange={(event) => edit(row.key, { name: event.currentTarget.value })}
                readOnly={readOnly}
                style={{ flex: 1 }}
                className="mono-input"
              />
              <Text size="xs">is</Text>
              <TextInput
                size="xs"
                aria-label={`Value at ${row.name || "the path"}`}
                placeholder="image"
                value={row.value}
                onChange={(event) => edit(row.key, { value: event.currentTarget.value })}
                readOnly={readOnly}
                style={{ flex: 1 }}
                className="mono-input"
              />
              {!readOnly && (
                <ActionIcon
                  variant="subtle"
                  color="gray"
                  size={30}
                  aria-label={`Remove the condition ${row.name}`}
                  onClick={() => change(rows.filter(({ key }) => key !== row.key))}
                >
                  <Icon name="trash" size={14} />
                </ActionIcon>
              )}
            </Group>
          ))}
        </Stack>
      </div>
    </Stack>
  );
}
