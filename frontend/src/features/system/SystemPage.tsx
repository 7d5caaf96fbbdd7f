// The health of the server: its parts, whether they work, and what to do if they do not.

import { Alert, Anchor, Badge, Card, Group, SimpleGrid, Stack, Table, Text, Title } from "@mantine/core";
import { useEffect, useRef, useState } from "react";
import { ask } from "../../graphql/client.ts";
import { HealthDocument, type HealthQuery } from "../../graphql/generated.ts";
import { link } from "../../graphql/socket.ts";
import { useStore } from "../../lib/store.ts";
import { Fact, Page } from "../../ui/page.tsx";
import { When } from "../../ui/when.tsx";
import { useViewer } from "../auth/viewer.tsx";
import { AllMetrics } from "../metrics/AllMetrics.tsx";
import { Images } from "./Images.tsx";
import { behind, type Part, partsOf, type Readiness, verdict } from "./model.ts";

/** How often the server is queried, in milliseconds. */
const EVERY = 5_000;
/** Number of results that are remembered. */
const LOOKS = 12;

type Health = HealthQuery["viewer"]["server"];

interface Look {
  readiness: Readiness;
  health: Health | undefined;
  lags: readonly number[];
  took: number | undefined;
  at: string | undefined;
}

const FIRST: Look = {
  readiness: { status: "asking", reasons: [] },
  health: undefined,
  lags: [],
  took: undefined,
  at: undefined,
};

/** The health of the server, polled while the page is visible. */
function useLook(): Look {
  const [look, setLook] = useState(FIRST);
  const lags = useRef<number[]>([]);
  useEffect(() => {
    const stop = new AbortController();
    let busy = false;
    const once = async () => {
      if (busy) return;
      busy = true;
      const signal = AbortSignal.any([stop.signal, AbortSignal.timeout(EVERY)]);
      let readiness: Readiness;
      let health: Health | undefined;
      let took: number | undefined;
      try {
        const response = await fetch("/readyz", { headers: { accept: "application/json" }, cache: "no-store", signal });
        const answer = (await response.json()) as Partial<Readiness>;
        readiness = { status: answer.status ?? "unavailable", reasons: answer.reasons ?? [] };
      } catch {
        readiness = { status: "away", reasons: [] };
      }
      if (readiness.status !== "away") {
        const begun = performance.now();
        try {
          health = (await ask(HealthDocument, {}, signal)).viewer.server;
          took = performance.now() - begun;
          lags.current = [...lags.current, behind(health)].slice(-LOOKS);
        } catch {
          // A server without its database reports that by /readyz and answers no queries.
        }
      }
      busy = false;
      if (stop.signal.aborted) return;
      setLook({ readiness, health, lags: lags.current, took, at: new Date().toISOString() });
    };
    void once();
    const timer = setInterval(() => void once(), EVERY);
    return () => {
      stop.abort();
      clearInterval(timer);
    };
  }, []);
  return look;
}

const COLOURS: Record<Part["how"], string> = {
  good: "teal",
  "worth knowing": "yellow",
  bad: "red",
  "not known": "gray",
};

export function SystemPage() {
  const viewer = useViewer();
  const { readiness, health, lags, took, at } = useLook();
  const { state, opened } = useStore(link);
  const { server } = viewer;
  const summary = verdict(readiness);
  const parts = partsOf({ readiness, server, health, lags, took, link: state, opened });
  return (
    <Page
      title="System"
      aside={
        <Text size="xs" c="dimmed" role="status">
          {at ? (
            <>
              looked at <When at={at} />, every {EVERY / 1000} s
            </>
          ) : (
            "asking …"
          )}
        </Text>
      }
    >
      <Alert color={summary.colour} title={summary.title}>
        <Text size="sm">{summary.words}</Text>
      </Alert>
      <Card withBorder padding={0}>
        <Table verticalSpacing="sm" horizontalSpacing="md" layout="fixed">
          <Table.Tbody>
            {parts.map((part) => (
              <Table.Tr key={part.name}>
                <Table.Td w={{ base: "38%", sm: "32%" }} style={{ verticalAlign: "top" }}>
                  <Text size="sm" fw={600}>
                    {part.name}
                  </Text>
                  <Text size="xs" c="dimmed" style={{ overflowWrap: "anywhere" }}>
                    {part.what}
                  </Text>
                </Table.Td>
                <Table.Td style={{ verticalAlign: "top" }}>
                  <Stack gap={4} align="flex-start">
                    <Badge
                      size="sm"
                      radius="sm"
                      variant="light"
                      color={COLOURS[part.how]}
                      style={{ textTransform: "none" }}
                    >
                      {part.how}
                    </Badge>
                    <Text size="sm" style={{ overflowWrap: "anywhere" }}>
                      {part.words}
                    </Text>
                    {part.advice && (
                      <Text size="sm" fw={500} style={{ overflowWrap: "anywhere" }}>
                        What to do: {part.advice}
                      </Text>
                    )}
                  </Stack>
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Card>
      <AllMetrics />
      <Images />
      <SimpleGrid cols={{ base: 1, sm: 2 }}>
        <Card withBorder>
          <Title order={2} size="h5" mb="sm">
            You
          </Title>
          <SimpleGrid cols={2} spacing="sm">
            <Fact name="Signed in as">{viewer.name}</Fact>
            <Fact name="Namespaces">{viewer.namespaces?.join(", ") ?? "all"}</Fact>
            <Fact name="May change things">{viewer.mayWrite ? "yes" : "no"}</Fact>
          </SimpleGrid>
        </Card>
        {health && (
          <Card withBorder>
            <Title order={2} size="h5" mb="sm">
              Positions
            </Title>
            <SimpleGrid cols={2} spacing="sm">
              <Fact name="Newest record of the log">{health.logPosition.toLocaleString()}</Fact>
              <Fact name="Relayed up to">{health.relayPosition.toLocaleString()}</Fact>
              <Fact name="Behind">{behind(health).toLocaleString()} records</Fact>
              <Fact name="Most behind in the last minute">{Math.max(0, ...lags).toLocaleString()} records</Fact>
            </SimpleGrid>
          </Card>
        )}
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
