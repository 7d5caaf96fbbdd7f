// All functions, live.

import {
  Anchor,
  Box,
  Button,
  Card,
  Code,
  Group,
  Select,
  Table,
  Text,
  TextInput,
  Tooltip,
  UnstyledButton,
} from "@mantine/core";
import { Link, useNavigate } from "@tanstack/react-router";
import { useViewer } from "../../app/session.tsx";
import {
  type FunctionActivityFragment,
  FunctionChangedDocument,
  type FunctionRowFragment,
  type FunctionState,
  FunctionsDocument,
  RunChangedDocument,
} from "../../graphql/generated.ts";
import { useAsked, useFollowed } from "../../graphql/live.ts";
import { duration } from "../../lib/time.ts";
import { Icon } from "../../ui/icons.tsx";
import { Page } from "../../ui/page.tsx";
import { Empty, Failure, Waiting } from "../../ui/states.tsx";
import { Status } from "../../ui/status.tsx";
import { When } from "../../ui/when.tsx";
import { Actions } from "./Actions.tsx";
import { broken, chosen, nextSort, origin } from "./model.ts";
import { type From, Register } from "./Register.tsx";

type Row = FunctionRowFragment & FunctionActivityFragment;

export interface Search {
  q?: string;
  state?: FunctionState;
  sort?: "name" | "-name" | "updated" | "-updated" | "state" | "-state";
  register?: From;
}

const STATES: { value: FunctionState; label: string }[] = [
  { value: "RUNNING", label: "Running" },
  { value: "STOPPED", label: "Stopped" },
  { value: "BUILT", label: "Built" },
  { value: "REGISTERED", label: "Registered" },
  { value: "DEREGISTERED", label: "Deregistered" },
];

export function FunctionsPage({ search }: { search: Search }) {
  const navigate = useNavigate();
  const { mayWrite } = useViewer();
  // Those that are gone come only when they are asked for by their state.
  const gone = search.state === "DEREGISTERED" ? { state: search.state } : {};
  const { data, error, again, look } = useAsked(FunctionsDocument, gone);
  useFollowed(FunctionChangedDocument, {}, look);
  useFollowed(RunChangedDocument, {}, look);

  const set = (change: Partial<Record<keyof Search, string | undefined>>) =>
    void navigate({ to: "/functions", search: (now) => ({ ...now, ...change }) as Search, replace: true });
  const all: readonly Row[] = data?.functions.nodes ?? [];
  const rows = chosen(all, search);
  const filtering = search.q !== undefined || search.state !== undefined;

  return (
    <Page
      title="Functions"
      actions={
        mayWrite && (
          <Button size="xs" leftSection={<Icon name="plus" size={14} />} onClick={() => set({ register: "git" })}>
            Register
          </Button>
        )
      }
    >
      <Register from={search.register} change={(register) => set({ register })} />
      {(all.length > 0 || filtering) && (
        <Group gap="xs">
          <TextInput
            size="xs"
            placeholder="Search by name or runtime"
            aria-label="Search functions"
            leftSection={<Icon name="search" size={13} />}
            value={search.q ?? ""}
            onChange={(event) => set({ q: event.currentTarget.value || undefined })}
            style={{ flex: "1 1 180px", maxWidth: 340 }}
          />
          <Select
            size="xs"
            placeholder="Any state"
            aria-label="State"
            data={STATES}
            value={search.state ?? null}
            onChange={(state) => set({ state: state ?? undefined })}
            clearable
            w={140}
          />
        </Group>
      )}
      {error && !data ? (
        <Failure error={error} again={again} />
      ) : !data ? (
        <Waiting again={again} />
      ) : rows.length === 0 ? (
        filtering ? (
          <Empty
            title="No function matches"
            action={
              <Button size="xs" variant="default" onClick={() => set({ q: undefined, state: undefined })}>
                Show all
              </Button>
            }
          />
        ) : (
          <First register={() => set({ register: "git" })} write={() => set({ register: "write" })} />
        )
      ) : (
        <>
          <Wide rows={rows} sort={search.sort} setSort={(sort) => set({ sort })} />
          <Narrow rows={rows} />
        </>
      )}
      {data?.functions.pageInfo.hasNextPage && (
        <Text size="xs" c="dimmed">
          The first {all.length} of {data.functions.totalCount} functions. Search finds only among these.
        </Text>
      )}
    </Page>
  );
}

function First({ register, write }: { register: () => void; write: () => void }) {
  return (
    <Card withBorder>
      <Empty
        title="Your first function in a minute"
        action={
          <Group mt="sm" justify="center">
            <Button leftSection={<Icon name="plus" />} onClick={register}>
              From a Git repository
            </Button>
            <Button variant="default" onClick={write}>
              Write it here
            </Button>
          </Group>
        }
      >
        <p>
          Any repository with a <Code>package.json</Code>, <Code>app.py</Code> or <Code>function.json</Code> will do.
          EventFlow builds it, runs it, and gives it an address to be called at.
        </p>
      </Empty>
    </Card>
  );
}

function Head({
  label,
  column,
  sort,
  setSort,
}: {
  label: string;
  column: string;
  sort: string | undefined;
  setSort: (sort: string) => void;
}) {
  const current = sort ?? "name";
  const up = current === column;
  const down = current === `-${column}`;
  return (
    <Table.Th aria-sort={up ? "ascending" : down ? "descending" : "none"}>
      <UnstyledButton fz="inherit" fw={600} onClick={() => setSort(nextSort(sort, column))}>
        {label} {up ? "↑" : down ? "↓" : ""}
      </UnstyledButton>
    </Table.Th>
  );
}

function State({ of }: { of: Row }) {
  const bad = broken(of);
  const status = <Status state={of.state} broken={bad} />;
  return of.stateReason ? (
    <Tooltip label={of.stateReason} multiline maw={360}>
      <span>{status}</span>
    </Tooltip>
  ) : (
    status
  );
}

function LastBuild({ of }: { of: Row }) {
  const build = of.builds.nodes[0];
  if (!build)
    return (
      <Text size="sm" c="dimmed">
        –
      </Text>
    );
  return (
    <Group gap={6} wrap="nowrap">
      <Status state={build.state} size="xs" />
      <When at={build.finishedAt ?? build.requestedAt} size="xs" c="dimmed" />
    </Group>
  );
}

function LastRun({ of }: { of: Row }) {
  const run = of.runs.nodes[0];
  if (!run)
    return (
      <Text size="sm" c="dimmed">
        –
      </Text>
    );
  return (
    <Group gap={6} wrap="nowrap">
      <Anchor component={Link} to={`/runs/${run.id}`} underline="never" aria-label={`Newest run of ${of.name}`}>
        <Status state={run.state} size="xs" />
      </Anchor>
      <When at={run.queuedAt} size="xs" c="dimmed" />
      <Text size="xs" c="dimmed" visibleFrom="lg">
        {duration(run.durationMs)}
      </Text>
    </Group>
  );
}

function Wide({ rows, sort, setSort }: { rows: Row[]; sort: string | undefined; setSort: (sort: string) => void }) {
  return (
    <Box visibleFrom="sm">
      <Table.ScrollContainer minWidth={760}>
        <Table verticalSpacing="xs" highlightOnHover>
          <Table.Thead>
            <Table.Tr>
              <Head label="Name" column="name" sort={sort} setSort={setSort} />
              <Head label="State" column="state" sort={sort} setSort={setSort} />
              <Table.Th>Runtime</Table.Th>
              <Table.Th>Version</Table.Th>
              <Table.Th>Last build</Table.Th>
              <Table.Th>Last run</Table.Th>
              <Head label="Changed" column="updated" sort={sort} setSort={setSort} />
              <Table.Th aria-label="Actions" />
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {rows.map((of) => (
              <Table.Tr key={of.id}>
                <Table.Td maw={260}>
                  <Anchor component={Link} to={`/functions/${of.id}`} size="sm" style={{ overflowWrap: "anywhere" }}>
                    {of.name}
                  </Anchor>
                  <Text size="xs" c="dimmed" truncate title={origin(of.source)}>
                    {of.namespace !== "default" && `${of.namespace} · `}
                    {origin(of.source)}
                  </Text>
                </Table.Td>
                <Table.Td>
                  <State of={of} />
                </Table.Td>
                <Table.Td>
                  <Text size="sm">
                    {of.currentVersion ? of.runtime : "–"}
                    <Text span size="xs" c="dimmed">
                      {" "}
                      {of.mode.toLowerCase()}
                    </Text>
                  </Text>
                </Table.Td>
                <Table.Td>{of.currentVersion ? `v${of.currentVersion.number}` : "–"}</Table.Td>
                <Table.Td>
                  <LastBuild of={of} />
                </Table.Td>
                <Table.Td>
                  <LastRun of={of} />
                </Table.Td>
                <Table.Td>
                  <When at={of.updatedAt} size="sm" c="dimmed" />
                </Table.Td>
                <Table.Td>
                  <Actions of={of} />
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
    </Box>
  );
}

function Narrow({ rows }: { rows: Row[] }) {
  return (
    <Box hiddenFrom="sm">
      {rows.map((of) => (
        <Card key={of.id} withBorder padding="sm" mb="xs">
          <Group justify="space-between" wrap="nowrap" gap="xs">
            <Group gap="xs" style={{ minWidth: 0 }}>
              <Anchor component={Link} to={`/functions/${of.id}`} fw={500} style={{ overflowWrap: "anywhere" }}>
                {of.name}
              </Anchor>
              <State of={of} />
            </Group>
            <Actions of={of} />
          </Group>
          <Text size="xs" c="dimmed" truncate>
            {of.currentVersion ? `${of.runtime} · v${of.currentVersion.number}` : "not built yet"} · {origin(of.source)}
          </Text>
          <Group gap="xs" mt={4}>
            <Text size="xs" c="dimmed">
              Last run
            </Text>
            <LastRun of={of} />
          </Group>
        </Card>
      ))}
    </Box>
  );
}
