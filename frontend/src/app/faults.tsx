// Error pages: unknown addresses and crashed pages.

import { Alert, Button, Container, Group, Stack, Text } from "@mantine/core";
import { type ErrorComponentProps, Link } from "@tanstack/react-router";
import { useEffect, useRef } from "react";
import { link } from "../graphql/socket.ts";
import { useStore } from "../lib/store.ts";
import { Empty, errorText } from "../ui/states.tsx";
import { Unloaded } from "./pages.ts";

export function NotFound() {
  useEffect(() => {
    document.title = "Nothing here · EventFlow";
  }, []);
  return (
    <Container py="xl" component="main">
      <Empty
        title="There is nothing at this address"
        action={
          <Button component={Link} to="/functions" mt="sm">
            Go to functions
          </Button>
        }
      >
        The link may be old, or a part of it may be missing.
      </Empty>
    </Container>
  );
}

export function Broken({ error, reset }: ErrorComponentProps) {
  useEffect(() => {
    document.title = "This page broke · EventFlow";
  }, []);
  if (error instanceof Unloaded) return <NotLoaded />;
  return (
    <Alert color="red" title="This page broke" role="alert">
      <Stack gap="xs" align="flex-start">
        <Text size="sm" style={{ overflowWrap: "anywhere" }}>
          {errorText(error instanceof Error ? error : new Error(String(error)))}
        </Text>
        <Text size="sm">Nothing is lost: what you see is only a view. If it happens again, please report it.</Text>
        <Group gap="xs">
          <Button size="xs" variant="default" onClick={reset}>
            Try again
          </Button>
          <Button size="xs" variant="default" onClick={() => location.reload()}>
            Reload
          </Button>
        </Group>
      </Stack>
    </Alert>
  );
}

/** The code of a page could not be loaded; it is retried as soon as the server answers again. */
function NotLoaded() {
  const { opened } = useStore(link);
  const then = useRef(opened);
  useEffect(() => {
    document.title = "Not loaded · EventFlow";
    if (opened > then.current) location.reload();
  }, [opened]);
  return (
    <Alert color="orange" title="This page could not be loaded" role="alert">
      <Stack gap="xs" align="flex-start">
        <Text size="sm">
          The server does not answer, or it was updated and serves newer pages. It is loaded by itself once the
          connection is back.
        </Text>
        <Button size="xs" variant="default" onClick={() => location.reload()}>
          Reload now
        </Button>
      </Stack>
    </Alert>
  );
}
