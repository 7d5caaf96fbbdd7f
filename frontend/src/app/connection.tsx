// A banner above every page for problems with the connection or the server.

import { Alert, Button, Group, Text } from "@mantine/core";
import { useEffect, useState } from "react";
import { useViewer } from "../features/auth/viewer.tsx";
import { link } from "../graphql/socket.ts";
import { useStore } from "../lib/store.ts";

/** Shorter interruptions of the connection are not shown, in milliseconds. */
const PATIENCE = 1_000;

export function Connection() {
  const { state } = useStore(link);
  const viewer = useViewer();
  const [long, setLong] = useState(false);
  const lost = state === "lost";
  useEffect(() => {
    setLong(false);
    if (!lost) return;
    const timer = setTimeout(() => setLong(true), PATIENCE);
    return () => clearTimeout(timer);
  }, [lost]);
  return (
    <>
      {long && (
        <Alert
          className="lost"
          color="orange"
          variant="filled"
          autoContrast
          mb="md"
          p="xs"
          role="alert"
          title="Connection lost"
        >
          <Group gap="sm">
            <Text size="sm">This page may be out of date. It reconnects automatically, and nothing is missed.</Text>
            <Button size="compact-xs" variant="default" onClick={() => location.reload()}>
              Reload
            </Button>
          </Group>
        </Alert>
      )}
      {viewer.server.warnings.map((warning) => (
        <Alert key={warning} color="yellow" mb="md" p="xs">
          {warning}
        </Alert>
      ))}
    </>
  );
}
