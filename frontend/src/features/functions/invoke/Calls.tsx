// The calls made in this tab: show one again, compare its answer with another, send it with changes.

import { Button, Card, Group, Table, Text, Title } from "@mantine/core";
import { useState } from "react";
import { duration } from "../../../lib/time.ts";
import { Difference } from "../../../ui/difference.tsx";
import { Status } from "../../../ui/status.tsx";
import { When } from "../../../ui/when.tsx";
import { type Draft, excerpt, readable } from "./invocation.ts";
import type { Call } from "./useCalls.ts";

export function Calls({
  calls: made,
  shown,
  show,
  edit,
}: {
  calls: readonly Call[];
  shown: Call;
  show: (run: string) => void;
  edit: (draft: Draft) => void;
}) {
  const [against, setAgainst] = useState<string | null>(null);
  const other = made.find(({ run }) => run.id === against && run.id !== shown.run.id);
  return (
    <Card withBorder>
      <Title order={3} size="h5" mb="xs">
        Calls from this tab
      </Title>
      <Table.ScrollContainer minWidth={430} scrollAreaProps={{ viewportProps: { tabIndex: 0 } }}>
        <Table verticalSpacing={4}>
          <Table.Tbody>
            {made.map((one) => (
              <Table.Tr key={one.run.id} {...(one === shown ? { bg: "var(--mantine-color-default-hover)" } : {})}>
                <Table.Td>
                  <Status state={one.run.state} size="xs" />
                </Table.Td>
                <Table.Td style={{ whiteSpace: "nowrap" }}>
                  {one.run.httpStatus ?? (one.run.exitCode === null ? "" : `exit ${one.run.exitCode}`)}
                </Table.Td>
                <Table.Td style={{ whiteSpace: "nowrap" }}>
                  {duration(one.run.durationMs)}
                  <br />
                  <When at={one.run.queuedAt} size="xs" c="dimmed" />
                </Table.Td>
                <Table.Td maw={110}>
                  <Text size="xs" truncate title={excerpt(one.draft.payload, 300)}>
                    {excerpt(one.draft.payload)}
                  </Text>
                </Table.Td>
                <Table.Td>
                  <Group gap={4} wrap="nowrap" justify="flex-end">
                    {one === shown ? (
                      <Text size="xs" c="dimmed">
                        shown
                      </Text>
                    ) : (
                      <>
                        <Button size="compact-xs" variant="subtle" onClick={() => show(one.run.id)}>
                          Show
                        </Button>
                        <Button
                          size="compact-xs"
                          variant={one === other ? "light" : "subtle"}
                          aria-pressed={one === other}
                          onClick={() => setAgainst(one === other ? null : one.run.id)}
                        >
                          Compare
                        </Button>
                      </>
                    )}
                    <Button size="compact-xs" variant="subtle" onClick={() => edit(one.draft)}>
                      Edit
                    </Button>
                  </Group>
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      {other && (
        <Difference
          before={`${readable(other.run.output)}\n`}
          after={`${readable(shown.run.output)}\n`}
          label="From the compared output to the shown one"
        />
      )}
    </Card>
  );
}
