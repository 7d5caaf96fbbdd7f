// One function at a glance.

import {
  Alert,
  Anchor,
  Button,
  Card,
  Code,
  Grid,
  Group,
  SegmentedControl,
  Select,
  SimpleGrid,
  Stack,
  Table,
  Text,
  Title,
} from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import {
  FunctionChangedDocument,
  FunctionOverviewDocument,
  type FunctionOverviewQuery,
  RunChangedDocument,
  type Window,
} from "../../../graphql/generated.ts";
import { useAsked, useFollowed } from "../../../graphql/live.ts";
import { describeSource } from "../../../lib/source.ts";
import { bytes, short } from "../../../lib/time.ts";
import { Copy, Fact } from "../../../ui/page.tsx";
import { scale } from "../../../ui/spark.ts";
import { Sparkline } from "../../../ui/sparkline.tsx";
import { Failure, Waiting } from "../../../ui/states.tsx";
import { When } from "../../../ui/when.tsx";
import { BUCKET, cards, WINDOWS } from "../../metrics/model.ts";
import { Number_ } from "../../metrics/Number.tsx";
import { headline } from "../../runs/model.ts";
import { broken } from "../model.ts";
import { trouble, ways } from "./calling.ts";
import { Triggers } from "./Triggers.tsx";

type Function_ = NonNullable<FunctionOverviewQuery["function"]>;

export function Overview({
  id,
  window,
  setWindow,
}: {
  id: string;
  window: Window;
  setWindow: (window: Window) => void;
}) {
  const { data, error, again, look, old } = useAsked(FunctionOverviewDocument, { id, window });
  useFollowed(FunctionChangedDocument, { id }, look);
  useFollowed(RunChangedDocument, { function: id }, look);
  if (error && !data) return <Failure error={error} again={again} />;
  if (!data) return <Waiting again={again} />;
  const of = data.function;
  if (!of) return null;
  return (
    <Stack gap="md">
      <Failures of={of} />
      <Card withBorder>
        <Group justify="space-between" mb="sm">
          <Group gap="sm">
            <Title order={3} size="h5">
              Traffic
            </Title>
            <Anchor component={Link} to={`/functions/${id}/metrics?window=${window}`} size="sm">
              All metrics
            </Anchor>
          </Group>
          <SegmentedControl
            size="xs"
            value={window}
            onChange={(value) => setWindow(value as Window)}
            data={[...WINDOWS]}
            aria-label="Window"
          />
        </Group>
        <Sparkline points={of.calls} label={`calls per ${BUCKET[window]}`} width="100%" height={44} />
        <Group justify="space-between" gap="xs" mt={2} wrap="nowrap">
          <Text size="xs" c="dimmed" style={{ whiteSpace: "nowrap" }}>
            {WINDOWS.find(({ value }) => value === window)?.label} ago
          </Text>
          <Text size="xs" c="dimmed" ta="center">
            {scale(of.calls, BUCKET[window])}
          </Text>
          <Text size="xs" c="dimmed">
            now
          </Text>
        </Group>
        <SimpleGrid cols={{ base: 2, xs: 4 }} spacing="xs" mt="sm" className={old ? "old" : undefined} aria-busy={old}>
          {cards(data.metrics, of.instances.length).map((card) => (
            <Number_ key={card.name} card={card} />
          ))}
        </SimpleGrid>
      </Card>
      <Grid gap="md">
        <Grid.Col span={{ base: 12, md: 6 }}>
          <Stack gap="md">
            <Calling of={of} />
            <Facts of={of} />
          </Stack>
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 6 }}>
          <Stack gap="md">
            <Triggers triggers={of.triggers} running={of.state === "RUNNING"} />
            <Instances of={of} />
          </Stack>
        </Grid.Col>
      </Grid>
    </Stack>
  );
}

function Failures({ of }: { of: Function_ }) {
  const { failed, of: over, newest } = trouble(of.recent.nodes);
  if (!newest) return null;
  const answers = of.currentVersion?.number;
  return (
    <Alert color={failed * 2 >= over ? "red" : "orange"} p="xs">
      <Group gap="xs" justify="space-between">
        <Text size="sm" style={{ overflowWrap: "anywhere", flex: "1 1 260px" }} lineClamp={3}>
          <b>
            {failed} of the last {over} {over === 1 ? "call" : "calls"} failed.
          </b>{" "}
          The newest, <When at={newest.finishedAt} />
          {newest.version !== null && ` on version ${newest.version}`}:{" "}
          {newest.error ? headline(newest.error) : "it says no reason"}
          {answers !== undefined && newest.version !== null && newest.version !== answers && (
            <>. Version {answers} answers now</>
          )}
        </Text>
        <Group gap="xs">
          <Button size="compact-sm" variant="default" component={Link} to={`/runs/${newest.id}`}>
            Open that run
          </Button>
          {(of.currentVersion?.number ?? 0) > 1 && (
            <Button size="compact-sm" variant="default" component={Link} to={`/functions/${of.id}/versions`}>
              {newest.version === answers ? "Compare or roll back" : "Compare versions"}
            </Button>
          )}
        </Group>
      </Group>
    </Alert>
  );
}

function Calling({ of }: { of: Function_ }) {
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

function Facts({ of }: { of: Function_ }) {
  const version = of.currentVersion;
  return (
    <Card withBorder>
      <Stack gap="sm">
        <Fact name="Source">
          {of.source.url && /^https?:/.test(of.source.url) ? (
            <Anchor href={of.source.url} size="sm" target="_blank" rel="noreferrer noopener">
              {describeSource(of.source)}
            </Anchor>
          ) : (
            describeSource(of.source)
          )}
        </Fact>
        <Group gap="xl">
          {version && (
            <Fact name="Version">
              <Anchor component={Link} to={`/functions/${of.id}/versions`} size="sm" underline="always">
                v{version.number}
              </Anchor>{" "}
              of {of.versions.totalCount}
              {version.commit && (
                <>
                  , commit <span className="mono">{short(version.commit)}</span>
                </>
              )}
              , {bytes(version.size)}
            </Fact>
          )}
          <Fact name="Mode">{of.mode.toLowerCase()}</Fact>
          <Fact name="Registered">
            <When at={of.createdAt} />
          </Fact>
          <Fact name="Changed">
            <When at={of.updatedAt} />
          </Fact>
        </Group>
        <Fact name="Id">
          <Group gap={4} wrap="nowrap">
            <span className="mono">{of.id}</span>
            <Copy text={of.id} label="Copy the id" />
          </Group>
        </Fact>
      </Stack>
    </Card>
  );
}

function Instances({ of }: { of: Function_ }) {
  return (
    <Card withBorder>
      <Title order={3} size="h5" mb="xs">
        Instances
      </Title>
      {of.instances.length === 0 ? (
        <Text size="sm" c="dimmed">
          {of.mode === "JOB"
            ? "A job has a process only while it runs."
            : of.state === "RUNNING"
              ? broken(of)
                ? "None runs: what was started did not live."
                : "None runs now; the next call starts one."
              : "It does not run."}
        </Text>
      ) : (
        <Table.ScrollContainer minWidth={360} scrollAreaProps={{ viewportProps: { tabIndex: 0 } }}>
          <Table>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>Instance</Table.Th>
                <Table.Th>Version</Table.Th>
                <Table.Th>State</Table.Th>
                <Table.Th>Calls now</Table.Th>
                <Table.Th>Started</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {of.instances.map((instance) => (
                <Table.Tr key={instance.id}>
                  <Table.Td className="mono" title={instance.id}>
                    {short(instance.id, 24)}
                  </Table.Td>
                  <Table.Td>v{instance.version}</Table.Td>
                  <Table.Td>{instance.state}</Table.Td>
                  <Table.Td>{instance.inFlight}</Table.Td>
                  <Table.Td>
                    <When at={instance.startedAt} />
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
    </Card>
  );
}
