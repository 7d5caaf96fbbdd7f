// The environment variables of a function.

import { ActionIcon, Button, Card, Group, Stack, Text, TextInput, Title } from "@mantine/core";
import { useState } from "react";
import { Icon } from "../../../ui/icons.tsx";
import type { Editing } from "./editing.ts";
import { objectOf, part, type Row, rowsOf, twice, variableFault } from "./manifest.ts";

export function Variables({ manifest, change, readOnly, fault }: Editing) {
  // Rows may contain what a manifest cannot: an empty or a duplicate name.
  const [rows, setRows] = useState<readonly Row[]>(() => rowsOf(part(manifest, "env")));
  const double = twice(rows);
  const set = (next: readonly Row[]) => {
    setRows(next);
    change({ ...manifest, env: objectOf(next) });
  };
  const edit = (key: number, what: Partial<Row>) =>
    set(rows.map((row) => (row.key === key ? { ...row, ...what } : row)));
  return (
    <Card withBorder>
      <Group justify="space-between" mb="sm">
        <Title order={3} size="h5">
          Variables
        </Title>
        {!readOnly && (
          <Button
            size="compact-xs"
            variant="default"
            leftSection={<Icon name="plus" size={12} />}
            onClick={() =>
              set([...rows, { key: Math.max(-1, ...rows.map(({ key }) => key)) + 1, name: "", value: "" }])
            }
          >
            Add a variable
          </Button>
        )}
      </Group>
      {rows.length === 0 && (
        <Text size="sm" c="dimmed">
          None. They are written into the history in the open: what nobody may see belongs into a secret.
        </Text>
      )}
      <Stack gap="xs">
        {rows.map((row) => (
          <Group key={row.key} gap={6} wrap="nowrap" align="flex-start">
            <TextInput
              size="xs"
              aria-label="Name of a variable"
              placeholder="NAME"
              value={row.name}
              onChange={(event) => edit(row.key, { name: event.currentTarget.value })}
              error={
                double.has(row.name)
                  ? "Stands twice: the last one counts"
                  : (variableFault(row.name) ?? fault(`/env/${row.name}`))
              }
              readOnly={readOnly}
              style={{ flex: 2 }}
              className="mono-input"
            />
            <TextInput
              size="xs"
              aria-label={`Value of ${row.name || "the variable"}`}
              value={row.value}
              onChange={(event) => edit(row.key, { value: event.currentTarget.value })}
              readOnly={readOnly}
              style={{ flex: 3 }}
              className="mono-input"
            />
            {!readOnly && (
              <ActionIcon
                variant="subtle"
                color="gray"
                size={30}
                aria-label={`Remove ${row.name || "the variable"}`}
                onClick={() => set(rows.filter(({ key }) => key !== row.key))}
              >
                <Icon name="trash" size={14} />
              </ActionIcon>
            )}
          </Group>
        ))}
      </Stack>
    </Card>
  );
}
