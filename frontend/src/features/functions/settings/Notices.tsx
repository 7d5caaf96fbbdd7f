// Notices above the settings: what is not built yet, what is missing, what somebody else changed.

import { Alert, Button, Group, Stack, Text } from "@mantine/core";
import { Secret } from "./Secret.tsx";
import type { ConfiguredFunction, SettingsDraft } from "./useDraft.ts";

export function Notices({
  of,
  draft,
  missing,
  readOnly,
}: {
  of: ConfiguredFunction;
  draft: SettingsDraft;
  /** Secrets that are used but not set, each with its purpose. */
  missing: readonly { name: string; note: string | null }[];
  readOnly: boolean;
}) {
  return (
    <>
      {draft.unbuilt && !draft.dirty && (
        <Alert color="blue" p="xs">
          <Group gap="sm">
            <Text size="sm">The saved settings are not in the running version yet.</Text>
            {!readOnly && (
              <Button size="compact-sm" onClick={() => void draft.build()}>
                Build it
              </Button>
            )}
          </Group>
        </Alert>
      )}
      {missing.length > 0 && !readOnly && (
        <Alert color="orange" p="xs" title={missing.length === 1 ? "A secret is not set" : "Secrets are not set"}>
          <Text size="sm" mb={6}>
            It does not start without those that it names, and webhooks refuse what they cannot prove.
          </Text>
          <Stack gap={4}>
            {missing.map(({ name, note }) => (
              <Secret key={name} name={name} namespace={of.namespace} setAt={undefined} note={note} mayWrite />
            ))}
          </Stack>
        </Alert>
      )}
      {draft.overtaken && (
        <Alert color="orange" p="xs" title="Somebody else has changed it in the meantime">
          <Group gap="sm">
            <Text size="sm">Saving would overwrite their changes.</Text>
            <Button size="compact-sm" variant="default" onClick={draft.discard}>
              Use theirs
            </Button>
          </Group>
        </Alert>
      )}
    </>
  );
}
