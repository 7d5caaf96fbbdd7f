// Functions as rows of a table, or as cards where there is no room for one. Only what is in sight is drawn: a thousand
// functions are as quick as ten.

import { Anchor, Card, Group, Table, Text, UnstyledButton } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useWindowVirtualizer } from "@tanstack/react-virtual";
import { memo, type ReactNode, useLayoutEffect, useRef, useState } from "react";
import { isOwn } from "../../../lib/namespace.ts";
import { withoutMutation } from "../../../lib/secret.ts";
import { describeSource } from "../../../lib/source.ts";
import { type Spark, sum } from "../../../ui/spark.ts";
import { Sparkline } from "../../../ui/sparkline.tsx";
import { Status, stateWord } from "../../../ui/status.tsx";
import { When } from "../../../ui/when.tsx";
import { Actions } from "../Actions.tsx";
import { nextSort, shownState } from "../model.ts";
import { useTrouble } from "../useTrouble.ts";
import type { Listed } from "./useFunctions.ts";

type Calls = ReadonlyMap<string, readonly Spark[]>;

/** The rows in sight, and how much room those above and below them take. */
function useInSight(count: number, size: number) {
  const place = useRef<HTMLDivElement>(null);
  const [margin, setMargin] = useState(0);
  // What stands above the list may come and go.
  useLayoutEffect(() => {
    const top = place.current ? place.current.getBoundingClientRect().top + scrollY : 0;
    setMargin((now) => (Math.abs(now - top) > 1 ? top : now));
  });
  const virtual = useWindowVirtualizer({ count, estimateSize: () => size, overscan: 10, scrollMargin: margin });
  const items = virtual.getVirtualItems();
  const above = (items[0]?.start ?? margin) - margin;
  const below = Math.max(virtual.getTotalSize() + margin - (items.at(-1)?.end ?? margin), 0) - margin;
  return { place, items, measure: virtual.measureElement, above, below: Math.max(below, 0) };
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
      <UnstyledButton
        fz="inherit"
        fw={600}
        onClick={() => setSort(nextSort(sort, column))}
        style={{ whiteSpace: "nowrap" }}
      >
        {label} {up ? "↑" : down ? "↓" : ""}
      </UnstyledButton>
    </Table.Th>
  );
}

const nothing = (
  <Text size="sm" c="dimmed">
    –
  </Text>
);

function State({ of }: { of: Listed }) {
  return <Status state={shownState(of)} broken={useTrouble([of])(of).broken} />;
}

/** What stands under a state: why a function does not work, or why its newest build did not. */
function Why({ of }: { of: Listed }) {
  const { broken } = useTrouble([of])(of);
  const build = of.builds.nodes[0];
  const why = broken
    ? withoutMutation(of.stateReason ?? "")
    : build?.state === "FAILED"
      ? `last build failed: ${build.error ?? "see its log"}`
      : null;
  if (!why) return null;
  return (
    <Text size="xs" c="red" lineClamp={2} title={why} style={{ overflowWrap: "anywhere" }}>
      {why}
    </Text>
  );
}

function LastBuild({ of }: { of: Listed }) {
  const build = of.builds.nodes[0];
  if (!build) return nothing;
  return (
    <Group gap="2px 6px">
      <Anchor
        component={Link}
        to={`/functions/${of.id}/builds?build=${build.id}`}
        underline="never"
        aria-label={`${stateWord(build.state)}: the newest build of ${of.name}`}
      >
        <Status state={build.state} size="xs" />
      </Anchor>
      <When at={build.finishedAt ?? build.requestedAt} size="xs" c="dimmed" />
    </Group>
  );
}

function LastRun({ of }: { of: Listed }) {
  const run = of.runs.nodes[0];
  if (!run) return nothing;
  return (
    <Group gap="2px 6px">
      <Anchor
        component={Link}
        to={`/runs/${run.id}`}
        underline="never"
        aria-label={`${stateWord(run.state)}: the newest run of ${of.name}`}
      >
        <Status state={run.state} size="xs" />
      </Anchor>
      <When at={run.queuedAt} size="xs" c="dimmed" />
    </Group>
  );
}

function Hour({ points }: { points: readonly Spark[] | undefined }) {
  if (!points) return <Text size="xs">&nbsp;</Text>;
  const { calls, errors } = sum(points);
  return (
    <Group gap={8} wrap="nowrap">
      <Sparkline points={points} label="calls a minute" width={96} />
      <Text size="xs" c="dimmed" style={{ whiteSpace: "nowrap" }}>
        {calls === 0 ? "no calls" : `${calls.toLocaleString()} / h`}
        {errors > 0 && (
          <Text span size="xs" c="red">
            {" "}
            {errors.toLocaleString()} failed
          </Text>
        )}
      </Text>
    </Group>
  );
}

const made = (of: Listed): ReactNode =>
  of.currentVersion ? `${of.runtime} ${of.mode.toLowerCase()}` : "not built yet";

interface RowProps {
  of: Listed;
  points: readonly Spark[] | undefined;
  index: number;
  measure: (element: Element | null) => void;
}

/** Drawn again only when something of it changed: a list that is scrolled has other things to do. */
const Row_ = memo(function Row({ of, points, index, measure }: RowProps) {
  return (
    <Table.Tr data-index={index} ref={measure} aria-rowindex={index + 2}>
      <Table.Td maw={240}>
        <Anchor component={Link} to={`/functions/${of.id}`} size="sm" style={{ overflowWrap: "anywhere" }}>
          {of.name}
        </Anchor>
        <Text size="xs" c="dimmed" truncate title={describeSource(of.source)}>
          {!isOwn(of.namespace) && `${of.namespace} · `}
          {describeSource(of.source)}
        </Text>
      </Table.Td>
      <Table.Td maw={210} miw={150}>
        <State of={of} />
        <Why of={of} />
      </Table.Td>
      <Table.Td>
        <Text size="sm">{of.currentVersion ? `v${of.currentVersion.number}` : "–"}</Text>
        <Text size="xs" c="dimmed" style={{ whiteSpace: "nowrap" }}>
          {made(of)}
        </Text>
      </Table.Td>
      <Table.Td>
        <LastBuild of={of} />
      </Table.Td>
      <Table.Td>
        <LastRun of={of} />
      </Table.Td>
      <Table.Td>
        <Hour points={points} />
      </Table.Td>
      <Table.Td>
        <When at={of.updatedAt} size="xs" c="dimmed" />
      </Table.Td>
      <Table.Td>
        <Actions of={of} />
      </Table.Td>
    </Table.Tr>
  );
});

export function Rows({
  rows,
  calls,
  sort,
  setSort,
}: {
  rows: readonly Listed[];
  calls: Calls;
  sort: string | undefined;
  setSort: (sort: string) => void;
}) {
  const { place, items, measure, above, below } = useInSight(rows.length, 58);
  return (
    <div ref={place}>
      <Table
        verticalSpacing={6}
        horizontalSpacing={6}
        highlightOnHover
        aria-label="Functions"
        aria-rowcount={rows.length + 1}
      >
        <Table.Thead>
          <Table.Tr>
            <Head label="Name" column="name" sort={sort} setSort={setSort} />
            <Head label="State" column="state" sort={sort} setSort={setSort} />
            <Table.Th>Version</Table.Th>
            <Table.Th>Last build</Table.Th>
            <Head label="Last run" column="run" sort={sort} setSort={setSort} />
            <Head label="Calls, last hour" column="calls" sort={sort} setSort={setSort} />
            <Head label="Changed" column="updated" sort={sort} setSort={setSort} />
            <Table.Th aria-label="Actions" />
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {above > 0 && (
            <tr>
              <td colSpan={8} style={{ height: above, padding: 0 }} />
            </tr>
          )}
          {items.map(({ index }) => {
            const of = rows[index];
            if (!of) return null;
            return <Row_ key={of.id} of={of} points={calls.get(of.id)} index={index} measure={measure} />;
          })}
          {below > 0 && (
            <tr>
              <td colSpan={8} style={{ height: below, padding: 0 }} />
            </tr>
          )}
        </Table.Tbody>
      </Table>
    </div>
  );
}

const Card_ = memo(function One({ of, points, index, measure, count }: RowProps & { count: number }) {
  return (
    <li data-index={index} ref={measure} aria-setsize={count} aria-posinset={index + 1} style={{ paddingBottom: 10 }}>
      <Card withBorder padding="sm">
        <Group justify="space-between" wrap="nowrap" gap="xs" align="flex-start">
          <Group gap="xs" style={{ minWidth: 0 }}>
            <Anchor component={Link} to={`/functions/${of.id}`} fw={500} style={{ overflowWrap: "anywhere" }}>
              {of.name}
            </Anchor>
            <State of={of} />
          </Group>
          <Actions of={of} />
        </Group>
        <Why of={of} />
        <Text size="xs" c="dimmed" truncate title={describeSource(of.source)}>
          {!isOwn(of.namespace) && `${of.namespace} · `}
          {made(of)}
          {of.currentVersion && ` · v${of.currentVersion.number}`} · {describeSource(of.source)}
        </Text>
        <Group gap="md" mt={6} justify="space-between">
          <Group gap={6}>
            <Text size="xs" c="dimmed">
              Last run
            </Text>
            <LastRun of={of} />
          </Group>
          <Hour points={points} />
        </Group>
      </Card>
    </li>
  );
});

export function Cards({ rows, calls }: { rows: readonly Listed[]; calls: Calls }) {
  const { place, items, measure, above, below } = useInSight(rows.length, 132);
  return (
    <div ref={place}>
      <div style={{ height: above }} />
      <ul aria-label="Functions" style={{ listStyle: "none", margin: 0, padding: 0 }}>
        {items.map(({ index }) => {
          const of = rows[index];
          if (!of) return null;
          return (
            <Card_ key={of.id} of={of} points={calls.get(of.id)} index={index} measure={measure} count={rows.length} />
          );
        })}
      </ul>
      <div style={{ height: below }} />
    </div>
  );
}
