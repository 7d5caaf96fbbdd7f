// Everything that was ever built of a function, and going back to it.

import { Badge, Button, Group, Modal, Stack, Table, Text, Textarea } from "@mantine/core";
import { useState } from "react";
import { useViewer } from "../../app/session.tsx";
import { FunctionChangedDocument, FunctionVersionsDocument, type VersionRowFragment } from "../../graphql/generated.ts";
import { useAsked, useFollowed } from "../../graphql/live.ts";
import { bytes, short } from "../../lib/time.ts";
import { Json } from "../../ui/json.tsx";
import { Empty, Failure, Waiting } from "../../ui/states.tsx";
import { When } from "../../ui/when.tsx";
import { useActions } from "./useActions.ts";

export function Versions({ id }: { id: string }) {
  const { mayWrite } = useViewer();
  const { data, error, again, look } = useAsked(FunctionVersionsDocument, { id });
  useFollowed(FunctionChangedDocument, { id }, look);
  const [back, setBack] = useState<VersionRowFragment | null>(null);
  const [shown, setShown] = useState<VersionRowFragment | null>(null);
  if (error && !data) return <Failure error={error} again={again} />;
  if (!data) return <Waiting again={again} />;
  const versions = data.function?.versions.nodes ?? [];
  const current = data.function?.currentVersion?.number;
  if (versions.length === 0)
    return <Empty title="No version yet">Each build that succeeds makes one. The builds tab says why none did.</Empty>;
  return (
    <>
      <Table.ScrollContainer minWidth={560}>
        <Table verticalSpacing="xs">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Version</Table.Th>
              <Table.Th>Commit</Table.Th>
              <Table.Th>Digest</Table.Th>
              <Table.Th>Size</Table.Th>
              <Table.Th>Made</Table.Th>
              <Table.Th aria-label="Actions" />
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {versions.map((version) => (
              <Table.Tr key={version.number}>
                <Table.Td>
                  <Group gap="xs" wrap="nowrap">
                    <Text fw={600} size="sm">
                      v{version.number}
                    </Text>
                    {version.number === current && (
                      <Badge size="sm" color="teal" variant="light" radius="sm" style={{ textTransform: "none" }}>
                        answers
                      </Badge>
                    )}
                  </Group>
                </Table.Td>
                <Table.Td className="mono" title={version.commit ?? undefined}>
                  {short(version.commit)}
                </Table.Td>
                <Table.Td className="mono" title={version.digest}>
                  {short(version.digest)}
                </Table.Td>
                <Table.Td>{bytes(version.size)}</Table.Td>
                <Table.Td>
                  <When at={version.createdAt} />
                </Table.Td>
                <Table.Td>
                  <Group gap="xs" wrap="nowrap" justify="flex-end">
                    <Button size="compact-xs" variant="subtle" onClick={() => setShown(version)}>
                      Manifest
                    </Button>
                    {mayWrite && version.number !== current && (
                      <Button size="compact-xs" variant="default" onClick={() => setBack(version)}>
                        Roll back to this
                      </Button>
                    )}
                  </Group>
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Table.ScrollContainer>
      <Modal
        opened={shown !== null}
        onClose={() => setShown(null)}
        title={`Manifest of version ${shown?.number ?? ""}`}
        size="lg"
      >
        <Json value={shown?.manifest} label="With every default filled in" />
      </Modal>
      <Modal opened={back !== null} onClose={() => setBack(null)} title={`Roll back to version ${back?.number ?? ""}?`}>
        {back && <RollBack id={id} to={back.number} from={current} close={() => setBack(null)} />}
      </Modal>
    </>
  );
}

function RollBack({ id, to, from, close }: { id: string; to: number; from: number | undefined; close: () => void }) {
  const actions = useActions();
  const [reason, setReason] = useState("");
  const [busy, setBusy] = useState(false);
  return (
    <form
      onSubmit={async (event) => {
        event.preventDefault();
        setBusy(true);
        await actions.rollback({ id, name: "The function" }, to, reason);
        setBusy(false);
        close();
      }}
    >
      <Stack>
        <Text size="sm">
          Version {to} takes over when it is healthy
          {from === undefined ? "" : `, and version ${from} finishes what it is working on`}. The log keeps who did it,
          and why.
        </Text>
        <Textarea
          label="Reason"
          placeholder="What is wrong with the version that answers now?"
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
          autosize
          minRows={2}
          data-autofocus
        />
        <Group justify="flex-end">
          <Button variant="default" onClick={close}>
            Leave it
          </Button>
          <Button type="submit" loading={busy}>
            Roll back
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
