// The server itself: what it is made of, and whether all of it works.

import { Alert, Anchor, Card, Group, List, SimpleGrid, Stack, Text, Title } from "@mantine/core";
import { useEffect, useState } from "react";
import { useViewer } from "../../app/session.tsx";
import { HealthDocument } from "../../graphql/generated.ts";
import { useAsked } from "../../graphql/live.ts";
import { link } from "../../graphql/socket.ts";
import { useStore } from "../../lib/store.ts";
import { Fact, Page } from "../../ui/page.tsx";
import { AllMetrics } from "../metrics/AllMetrics.tsx";
import { behind, type Readiness, verdict } from "./model.ts";

/** How often the server is asked, in milliseconds. */
const EVERY = 5_000;

function useReadiness(): Readiness {
  const [readiness, setReadiness] = useState<Readiness>({ status: "asking", reasons: [] });
  useEffect(() => {
    let gone = false;
    const look = async () => {
      let told: Readiness;
      try {
        const response = await fetch("/readyz", {
          headers: { accept: "application/json" },
          cache: "no-store",
          signal: AbortSignal.timeout(EVERY),
        });
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
  const health = useAsked(HealthDocument, {});
  const { again } = health;
  useEffect(() => {
    const timer = setInterval(again, EVERY);
    return () => clearInterval(timer);
  }, [again]);
  const now = health.data?.viewer.server;
  const reasons = [...new Set([...readiness.reasons, ...(now?.degraded ?? [])])];
  return (
    <Page title="System">
      <Alert color={told.colour} title={told.title}>
        <Text size="sm">{told.words}</Text>
        {reasons.length > 0 && (
          <List size="sm" mt="xs">
            {reasons.map((reason) => (
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
      <AllMetrics />
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
      {now && (
        <Card withBorder>
          <Title order={3} size="h5" mb="sm">
            Delivery
          </Title>
          <SimpleGrid cols={{ base: 2, md: 4 }}>
            <Fact name="Newest position of the log">{now.logPosition.toLocaleString()}</Fact>
            <Fact name="Waiting to be relayed">{behind(now).toLocaleString()}</Fact>
            <Fact name="Servers">{now.nodes.join(", ") || "none"}</Fact>
            <Fact name="Leads">{now.leader ?? "none now"}</Fact>
          </SimpleGrid>
        </Card>
      )}
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
