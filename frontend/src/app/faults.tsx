// Addresses that lead nowhere, and pages that broke.

import { Button, Container } from "@mantine/core";
import { type ErrorComponentProps, Link } from "@tanstack/react-router";
import { Empty, Failure } from "../ui/states.tsx";

export function NotFound() {
  return (
    <Container py="xl">
      <Empty
        title="There is nothing at this address"
        action={
          <Button component={Link} to="/functions" mt="sm">
            To the functions
          </Button>
        }
      >
        The link may be old, or a part of it may be missing.
      </Empty>
    </Container>
  );
}

export function Broken({ error }: ErrorComponentProps) {
  return (
    <Container py="xl">
      <Failure
        error={error instanceof Error ? error : new Error(String(error))}
        title="This page broke"
        again={() => location.reload()}
      />
    </Container>
  );
}
