// The secrets that a function gets as variables, and those that authenticate its webhooks.

import { Button, Card, Group, Stack, Text, TextInput, Title } from "@mantine/core";
import { useState } from "react";
import type { Editing, Known } from "./editing.ts";
import { secretsOf, variableFault } from "./manifest.ts";
import { Secret } from "./Secret.tsx";

export function Secrets({
  manifest,
  change,
  readOnly,
  mayWrite,
  namespace,
  known,
}: Editing & { namespace: string; known: Known; mayWrite: boolean }) {
  const { own, webhooks } = secretsOf(manifest);
  const [name, setName] = useState("");
  const wrong = variableFault(name) ?? (own.includes(name) ? "It already exists" : null);
  const add = () => {
    if (name === "" || wrong) return;
    change({ ...manifest, secrets: [...own, name] });
    setName("");
  };
  return (
    <Card withBorder>
      <Title order={3} size="h5" mb={4}>
        Secrets
      </Title>
      <Text size="xs" c="dimmed" mb="sm">
        They belong to the namespace {namespace}, are kept encrypted, and are never shown again. A function gets those
        that it names, as variables. Setting one takes effect at once; naming one, with the next build.
      </Text>
      <Stack gap="xs">
        {own.length + webhooks.length === 0 && (
          <Text size="sm" c="dimmed">
            None yet.
          </Text>
        )}
        {[...own.map((one) => [one, true] as const), ...webhooks.map((one) => [one, false] as const)].map(
          ([one, mine]) => (
            <Secret
              key={one}
              name={one}
              namespace={namespace}
              setAt={known.get(one)}
              note={mine ? null : "proves a webhook"}
              mayWrite={mayWrite}
              forget={
                mine && !readOnly
                  ? () => change({ ...manifest, secrets: own.filter((other) => other !== one) })
                  : undefined
              }
            />
          ),
        )}
        {!readOnly && (
          <Group gap={6} align="flex-start">
            <TextInput
              size="xs"
              aria-label="Name of a secret"
              placeholder="API_KEY"
              value={name}
              onChange={(event) => setName(event.currentTarget.value)}
              onKeyDown={(event) => {
                if (event.key === "Enter") add();
              }}
              error={wrong}
              className="mono-input"
            />
            <Button size="xs" variant="default" onClick={add} disabled={name === "" || wrong !== null}>
              Name another
            </Button>
          </Group>
        )}
      </Stack>
    </Card>
  );
}
