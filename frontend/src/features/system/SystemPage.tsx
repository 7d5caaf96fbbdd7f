// The server itself: what it is made of, and whether all of it works.

import { Alert, Anchor, Card, Group, List, SimpleGrid, Stack, Text, Title } from "@mantine/core";
import { useEffect, useState } from "react";
import { useViewer } from "../../app/session.tsx";
import { link } from "../../graphql/socket.ts";
import { useStore } from "../../lib/store.ts";
import { Fact, Page } from "../../ui/page.tsx";
import { verdict, type Readiness } from "./model.ts";

/** How often the server is asked, in milliseconds. */
const EVERY = 5_000;

function useReadiness(): Readiness {
  const [readiness, setReadiness] = useState<Readiness>({ status: "asking", reasons: [] });
  useEffect(() => {
    let gone = false;
    const look = async () => {
      let told: Readiness;
      try {
        const response = await fetch("/readyz", { headers: { accept: "application/json" }, cache: "no-store", signal: AbortSignal.timeout(EVERY) });
        const answer = (await response.json()) as Partial<Readiness>;
        told = { status: answer.status ?? "unavailable", reasons: answer.reasons ?? [] };
      } catch {
        told = { status: "away", reasons: [] };
      }
      if (!gone) setReadiness(told);
    };
    void look();
    const timer = setInterval(() => void look(), EVERY);
    return () => {
      gone = true;
      clearInterval(timer);
    };
  }, []);
  return readiness;
}

const LINK = { idle: "not needed now", connecting: "connecting", open: "open", lost: "lost; tried again by itself" };

export function SystemPage() {
  const viewer = useViewer();
  const readiness = useReadiness();
  const { state } = useStore(link);
  const { server } = viewer;
  const told = verdict(readiness);
  return (
    <Page title="System">
      <Alert color={told.colour} title={told.title}>
        <Text size="sm">{told.words}</Text>
        {readiness.reasons.length > 0 && (
          <List size="sm" mt="xs">
            {readiness.reasons.map((reason) => (
              <List.Item key={reason}>{reason}</List.Item>
            ))}
          </List>
        )}
      </Alert>
      {server.warnings.map((warning) => (
        <Alert key={warning} color="yellow" title="Worth knowing">
          {warning}
        </Alert>
      ))}
      <SimpleGrid cols={{ base: 1, sm: 2 }}>
        <Card withBorder>
          <Title order={3} size="h5" mb="sm">
            Made of
          </Title>
          <Stack gap="sm">
            <Fact name="EventFlow">{server.version}</Fact>
            <Fact name="Log">{server.store}</Fact>
            <Fact name="Delivery">{server.queue}</Fact>
            <Fact name="Functions run in">{server.executor}</Fact>
          </Stack>
        </Card>
        <Card withBorder>
          <Title order={3} size="h5" mb="sm">
            You
          </Title>
          <Stack gap="sm">
            <Fact name="Signed in as">{viewer.name}</Fact>
            <Fact name="Namespaces">{viewer.namespaces?.join(", ") ?? "all"}</Fact>
            <Fact name="May change things">{viewer.mayWrite ? "yes" : "no"}</Fact>
            <Fact name="Live connection">{LINK[state]}</Fact>
          </Stack>
        </Card>
      </SimpleGrid>
      <Group gap="lg">
        <Anchor href="/graphql" size="sm">
          GraphiQL
        </Anchor>
        <Anchor href="/openapi.json" size="sm">
          REST API
        </Anchor>
        <Anchor href="/schemas/function.json" size="sm">
          Schema of function.json
        </Anchor>
        <Anchor href="/metrics" size="sm">
          Metrics
        </Anchor>
      </Group>
    </Page>
  );
}
