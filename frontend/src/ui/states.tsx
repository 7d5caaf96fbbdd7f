// Placeholders for data that is loading, missing or failed to load. Each says what to do.

import { Alert, Button, Center, Group, Skeleton, Stack, Text, Title } from "@mantine/core";
import { type ReactNode, useEffect, useState } from "react";

/** After this long, a message says that it takes long, in milliseconds. */
const LONG = 8_000;

export function Waiting({ rows = 4, again }: { rows?: number; again?: () => void }) {
  const [long, setLong] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLong(true), LONG);
    return () => clearTimeout(timer);
  }, []);
  return (
    <Stack gap="sm" role="status" aria-label="Loading">
      {Array.from({ length: rows }, (_, row) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: the rows are all alike
        <Skeleton key={row} height={28} radius="sm" />
      ))}
      {long && (
        <Group gap="sm">
          <Text size="sm" c="dimmed">
            This takes longer than it should. The server may be busy or away.
          </Text>
          {again && (
            <Button size="xs" variant="default" onClick={again}>
              Ask again
            </Button>
          )}
        </Group>
      )}
    </Stack>
  );
}

export function Empty({ title, children, action }: { title: string; children?: ReactNode; action?: ReactNode }) {
  return (
    <Center py="xl" px="sm">
      <Stack align="center" gap="xs" maw={480}>
        <Title order={4} ta="center">
          {title}
        </Title>
        {children && (
          <Text component="div" c="dimmed" size="sm" ta="center">
            {children}
          </Text>
        )}
        {action}
      </Stack>
    </Center>
  );
}

export function Failure({
  error,
  again,
  title = "This could not be loaded",
}: {
  error: Error;
  again?: () => void;
  title?: string;
}) {
  return (
    <Alert color="red" title={title} my="sm">
      <Stack gap="xs" align="flex-start">
        <Text size="sm">{errorText(error)}</Text>
        {again && (
          <Button size="xs" variant="default" onClick={again}>
            Try again
          </Button>
        )}
      </Stack>
    </Alert>
  );
}

/** The server's own words, without the client's label before them. */
export function errorText(error: Error): string {
  const text = error.message.replace(/^\[(GraphQL|Network)\] /, "");
  return /failed to fetch|networkerror|load failed|^bad gateway|^gateway time-?out/i.test(text)
    ? "The server does not answer. Is it running?"
    : text;
}
