// The changes in the draft compared with the saved settings, and saving them.

import { Alert, Button, Code, Group, Modal, Stack, Text } from "@mantine/core";
import { describeSource } from "../../../lib/source.ts";
import { Difference } from "../../../ui/difference.tsx";
import { notifyDone } from "../../../ui/notify.ts";
import { rolledBack } from "../model.ts";
import { ordered } from "../versions/versions.ts";
import { shownSource } from "./source.ts";
import type { ConfiguredFunction, SettingsDraft } from "./useDraft.ts";

export function Review({
  of,
  draft,
  opened,
  close,
}: {
  of: ConfiguredFunction;
  draft: SettingsDraft;
  opened: boolean;
  close: () => void;
}) {
  const { changed } = draft;
  const older = of.source.type === "git" && rolledBack(of.currentVersion?.number, of.versions.nodes[0]?.number);
  const save = async (andBuild: boolean) => {
    if (!(await draft.save())) return;
    close();
    if (andBuild) await draft.build();
    else notifyDone("Saved. The next build takes it.");
  };
  return (
    <Modal opened={opened} onClose={close} title="What will change" size="xl">
      {changed && (
        <Stack>
          {draft.changedSource && (
            <Difference
              before={ordered(shownSource(of.source))}
              after={ordered(shownSource(changed.source))}
              label="Source"
            />
          )}
          {draft.changedManifest && (
            <Difference before={ordered(draft.saved)} after={ordered(changed.manifest)} label="Manifest" />
          )}
          {draft.changedManifest && !draft.overrides && (
            <Alert color="yellow" p="xs">
              From then on this manifest counts, and the <Code>function.json</Code> in {describeSource(of.source)} is
              not read any more when it is built: later changes of the configuration belong here.
            </Alert>
          )}
          {older && (
            <Alert
              color="yellow"
              p="xs"
              title={`Version ${older.answers} answers, and version ${older.newest} is newer`}
            >
              A build takes the newest code of the source, not that of version {older.answers}. If version{" "}
              {older.newest} was rolled back because of its code, fix that first, or name the commit of version{" "}
              {older.answers} under Source.
            </Alert>
          )}
          {draft.refusal && (
            <Alert color="red" p="xs" role="alert" title="It was not saved">
              {draft.refusal}
            </Alert>
          )}
          <Text size="sm" c="dimmed">
            Saving changes nothing that runs. A build makes a new version with it, which takes over when it is healthy.
          </Text>
          <Group justify="flex-end">
            <Button variant="default" onClick={close}>
              Back
            </Button>
            <Button variant="default" loading={draft.saving} onClick={() => void save(false)}>
              Save
            </Button>
            <Button loading={draft.saving} onClick={() => void save(true)}>
              Save and build
            </Button>
          </Group>
        </Stack>
      )}
    </Modal>
  );
}
