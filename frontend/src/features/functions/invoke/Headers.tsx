// The headers of a call, as rows.

import { ActionIcon, Autocomplete, Button, Group, Stack, Text, TextInput } from "@mantine/core";
import { useRef } from "react";
import { Icon } from "../../../ui/icons.tsx";
import { added, type Header, headerFault } from "./invocation.ts";

const COMMON = ["accept", "content-type", "authorization", "x-request-id", "idempotency-key", "user-agent"];

export function Headers({ headers, change }: { headers: readonly Header[]; change: (headers: Header[]) => void }) {
  const list = useRef<HTMLDivElement>(null);
  const set = (key: number, part: Partial<Header>) =>
    change(headers.map((header) => (header.key === key ? { ...header, ...part } : header)));
  return (
    <div ref={list}>
      <Group justify="space-between" mb={4}>
        <Text size="sm" fw={500}>
          Headers
        </Text>
        <Button
          size="compact-xs"
          variant="subtle"
          leftSection={<Icon name="plus" size={12} />}
          onClick={() => {
            change(added(headers));
            requestAnimationFrame(() => [...(list.current?.querySelectorAll("input") ?? [])].at(-2)?.focus());
          }}
        >
          Add a header
        </Button>
      </Group>
      {headers.length === 0 && (
        <Text size="xs" c="dimmed">
          Only those that every call has.
        </Text>
      )}
      <Stack gap={6}>
        {headers.map((header) => (
          <Group key={header.key} gap={6} wrap="nowrap" align="flex-start">
            <Autocomplete
              size="xs"
              aria-label="Name of a header"
              placeholder="x-name"
              data={COMMON}
              value={header.name}
              onChange={(name) => set(header.key, { name })}
              error={headerFault(header.name)}
              style={{ flex: 2 }}
            />
            <TextInput
              size="xs"
              aria-label={`Value of ${header.name || "the header"}`}
              placeholder="value"
              value={header.value}
              onChange={(event) => set(header.key, { value: event.currentTarget.value })}
              style={{ flex: 3 }}
            />
            <ActionIcon
              variant="subtle"
              color="gray"
              size={30}
              aria-label={`Remove ${header.name || "the header"}`}
              onClick={() => change(headers.filter(({ key }) => key !== header.key))}
            >
              <Icon name="trash" size={14} />
            </ActionIcon>
          </Group>
        ))}
      </Stack>
    </div>
  );
}
