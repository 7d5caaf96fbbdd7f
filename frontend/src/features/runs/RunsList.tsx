// Runs of one function or of all, live, filtered by what the URL says.

import { Anchor, Box, Button, Card, Group, SegmentedControl, Select, Stack, Table, Text } from "@mantine/core";
import { Link, useNavigate } from "@tanstack/react-router";
import { RunChangedDocument, type RunRowFragment, type RunState, RunsDocument } from "../../graphql/generated.ts";
import { useAsked, useFollowed } from "../../graphql/live.ts";
import { duration, short } from "../../lib/time.ts";
import { Pager } from "../../ui/pager.tsx";
import { Scatter } from "../../ui/scatter.tsx";
import { Empty, Failure, Waiting } from "../../ui/states.tsx";
import { Status } from "../../ui/status.tsx";
import { When } from "../../ui/when.tsx";
import { sinceOf } from "./model.ts";

export interface Search {
  state?: RunState;
  since?: "hour" | "day" | "week";
  after?: string;
}

const STATES: { value: RunState; label: string }[] = [
  { value: "QUEUED", label: "Queued" },
  { value: "RUNNING", label: "Running" },
  { value: "RETRYING", label: "Retrying" },
  { value: "SUCCEEDED", label: "Succeeded" },
  { value: "FAILED", label: "Failed" },
  { value: "TIMED_OUT", label: "Timed out" },
  { value: "CANCELLED", label: "Cancelled" },
  { value: "DEAD", label: "Dead" },
];

interface Props {
  of?: string;
  search: Search;
  set: (change: { [K in keyof Search]?: Search[K] | undefined }) => void;
}

export function RunsList({ of, search, set }: Props) {
  const navigate = useNavigate();
  const variables = {
    function: of ?? null,
    state: search.state ?? null,
    since: sinceOf(search.since, Date.now()),
    after: search.after ?? null,
  };
  const { data, error, again, look } = useAsked(RunsDocument, variables);
  useFollowed(RunChangedDocument, { function: of ?? null }, search.after ? undefined : look);
  const runs = data?.runs.nodes ?? [];
  const filtering = search.state !== undefined || search.since !== undefined;
  return (
    <Stack gap="sm">
      <Group gap="xs">
        <Select
          size="xs"
          placeholder="Any state"
          aria-label="State"
          data={STATES}
          value={search.state ?? null}
          onChange={(state) => set({ state: state ?? undefined, after: undefined })}
          clearable
          w={140}
        />
        <SegmentedControl
          size="xs"
          aria-label="Time"
          value={search.since ?? "all"}
          onChange={(since) =>
            set({ since: since === "all" ? undefined : (since as NonNullable<Search["since"]>), after: undefined })
          }
          data={[
            { value: "hour", label: "1 h" },
            { value: "day", label: "24 h" },
            { value: "week", label: "7 d" },
            { value: "all", label: "All" },
          ]}
        />
      </Group>
      {error && !data ? (
        <Failure error={error} again={again} />
      ) : !data ? (
        <Waiting again={again} />
      ) : runs.length === 0 ? (
        <Empty
          title={filtering ? "No run matches" : "No runs yet"}
          action={
            filtering ? (
              <Button
                size="xs"
                variant="default"
                onClick={() => set({ state: undefined, since: undefined, after: undefined })}
              >
                Show all
              </Button>
            ) : of ? (
              <Button size="xs" component={Link} to={`/functions/${of}/invoke`}>
                Invoke it
              </Button>
            ) : undefined
          }
        >
          {!filtering &&
            "A run begins when a function is called, an event that it waits for comes in, or its time has come."}
        </Empty>
      ) : (
        <>
          <Scatter
            dots={runs.flatMap((run) =>
              run.durationMs === null ? [] : [{ id: run.id, at: run.queuedAt, ms: run.durationMs, state: run.state }],
            )}
            open={(id) => void navigate({ to: "/runs/$id", params: { id } })}
          />
          <RunRows runs={runs} names={of === undefined} />
          <Pager
            total={data.runs.totalCount}
            shown={runs.length}
            after={search.after}
            next={data.runs.pageInfo.hasNextPage ? data.runs.pageInfo.endCursor : null}
            go={(after) => set({ after })}
            what="runs"
          />
        </>
      )}
    </Stack>
  );
}

/** How a run ended, in a word. */
function outcome(run: RunRowFragment): string {
  if (run.error) return run.error;
  if (run.httpStatus !== null) return String(run.httpStatus);
  if (run.exitCode !== null) return `exit ${run.exitCode}`;
  return "";
}

export function RunRows({ runs, names = true }: { runs: readonly RunRowFragment[]; names?: boolean }) {
  return (
    <>
      <Box visibleFrom="sm">
        <Table.ScrollContainer minWidth={680}>
          <Table verticalSpacing={6} highlightOnHover>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>Run</Table.Th>
                {names && <Table.Th>Function</Table.Th>}
                <Table.Th>State</Table.Th>
                <Table.Th>Trigger</Table.Th>
                <Table.Th>Version</Table.Th>
                <Table.Th>Asked for</Table.Th>
                <Table.Th>Took</Table.Th>
                <Table.Th>Outcome</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {runs.map((run) => (
                <Table.Tr key={run.id}>
                  <Table.Td>
                    <Anchor component={Link} to={`/runs/${run.id}`} className="mono">
                      {short(run.id)}
                    </Anchor>
                  </Table.Td>
                  {names && (
                    <Table.Td>
                      <Anchor component={Link} to={`/functions/${run.function.id}`} size="sm">
                        {run.function.name}
                      </Anchor>
                    </Table.Td>
                  )}
                  <Table.Td>
                    <Group gap={6} wrap="nowrap">
                      <Status state={run.state} />
                      {run.attempt > 1 && (
                        <Text size="xs" c="dimmed" style={{ whiteSpace: "nowrap" }}>
                          attempt {run.attempt}
                        </Text>
                      )}
                    </Group>
                  </Table.Td>
                  <Table.Td className="mono">{run.trigger}</Table.Td>
                  <Table.Td>{run.version === null ? "–" : `v${run.version}`}</Table.Td>
                  <Table.Td>
                    <When at={run.queuedAt} size="sm" />
                  </Table.Td>
                  <Table.Td style={{ whiteSpace: "nowrap" }}>{duration(run.durationMs)}</Table.Td>
                  <Table.Td maw={260}>
                    <Text size="sm" truncate c={run.error ? "red" : "inherit"} title={outcome(run)}>
                      {outcome(run)}
                    </Text>
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      </Box>
      <Box hiddenFrom="sm">
        {runs.map((run) => (
          <Card
            key={run.id}
            withBorder
            padding="xs"
            mb={6}
            component={Link}
            to={`/runs/${run.id}`}
            c="inherit"
            td="none"
          >
            <Group justify="space-between" gap="xs" wrap="nowrap">
              <Group gap="xs" style={{ minWidth: 0 }}>
                <Status state={run.state} size="xs" />
                <Text size="sm" fw={500} truncate>
                  {names ? run.function.name : short(run.id)}
                </Text>
              </Group>
              <Text size="xs" c="dimmed" style={{ whiteSpace: "nowrap" }}>
                {duration(run.durationMs)}
              </Text>
            </Group>
            <Text size="xs" c="dimmed" truncate>
              {run.trigger} · <When at={run.queuedAt} />
              {run.error ? ` · ${run.error}` : ""}
            </Text>
          </Card>
        ))}
      </Box>
    </>
  );
}
