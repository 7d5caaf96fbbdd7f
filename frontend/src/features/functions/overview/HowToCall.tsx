// Commands for calling a function, to copy.

import { Card, Code, Group, Select, Stack, Text, Title } from "@mantine/core";
import { useState } from "react";
import { Copy, Fact } from "../../../ui/page.tsx";
import { ways } from "./calling.ts";
import type { OverviewFunction } from "./overviewFunction.ts";

export function HowToCall({ of }: { of: OverviewFunction }) {
  const found = ways(of, location.origin);
  const [chosen, setChosen] = useState(0);
  const way = found[Math.min(chosen, found.length - 1)];
  return (
    <Card withBorder>
      <Title order={3} size="h5" mb="sm">
        How to call it
      </Title>
      <Stack gap="sm">
        <Fact name="Address">
          {of.url ? (
            <Group gap={4} wrap="nowrap">
              <Code style={{ overflowWrap: "anywhere" }}>{of.url}</Code>
              <Copy text={of.url} label="Copy the address" />
            </Group>
          ) : (
            <Text size="sm" c="dimmed">
              {of.currentVersion ? "It has no HTTP trigger." : "It gets one with its first version."}
            </Text>
          )}
        </Fact>
        {way && (
          <div>
            <Group justify="space-between" mb={4} gap="xs">
              {found.length > 1 ? (
                <Select
                  size="xs"
                  value={String(found.indexOf(way))}
                  onChange={(value) => setChosen(Number(value))}
                  data={found.map(({ name }, at) => ({ value: String(at), label: name }))}
                  aria-label="Way to call it"
                  allowDeselect={false}
                  w={190}
                />
              ) : (
                <span />
              )}
              <Copy text={way.command} label="Copy the command" />
            </Group>
            <Code block tabIndex={0} style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>
              {way.command}
            </Code>
          </div>
        )}
      </Stack>
    </Card>
  );
}
