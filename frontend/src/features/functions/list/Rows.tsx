// Functions as rows of a table.

import { Anchor, Table, Text, UnstyledButton } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { memo } from "react";
import { isOwn } from "../../../lib/namespace.ts";
import { describeSource } from "../../../lib/source.ts";
import { When } from "../../../ui/when.tsx";
import { Actions } from "../Actions.tsx";
import { type Calls, Hour, LastBuild, LastRun, made, type RowProps, State, Why } from "./cells.tsx";
import { nextSort } from "./query.ts";
import type { Listed } from "./useFunctions.ts";
import { useInSight } from "./useInSight.ts";

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

/** Rendered again only when its function changed, for the sake of smooth scrolling. */
const Row = memo(function Row({ of, points, index, measure }: RowProps) {
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
  const { container, items, measure, above, below } = useInSight(rows.length, 58);
  return (
    <div ref={container}>
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
            return <Row key={of.id} of={of} points={calls.get(of.id)} index={index} measure={measure} />;
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
