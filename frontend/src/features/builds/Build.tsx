// One build: why it failed, the duration of its phases, what changed, and its live log.

import { Alert, Anchor, Button, Card, Group, Stack, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useMutation } from "urql";
import { type BuildRowFragment, CancelBuildDocument, type RecordFragment } from "../../graphql/generated.ts";
import { duration } from "../../lib/time.ts";
import { ImageFacts } from "../../ui/image.tsx";
import { Log } from "../../ui/log/log.tsx";
import { accepted, notifyDone } from "../../ui/notify.ts";
import { Failure } from "../../ui/states.tsx";
import { Status } from "../../ui/status.tsx";
import { When } from "../../ui/when.tsx";
import { useViewer } from "../auth/viewer.tsx";
import { useLines } from "../logs/useLines.ts";
import { Changes } from "./Changes.tsx";
import { tookCommit, tookOf } from "./model.ts";
import { Phases } from "./Phases.tsx";

interface Props {
  build: BuildRowFragment;
  id: string;
  records: readonly RecordFragment[];
}

export function Build({ build, id, records }: Props) {
  const { mayWrite } = useViewer();
  const [{ fetching }, cancel] = useMutation(CancelBuildDocument);
  const log = useLines({ build: build.id });
  const { lines, version, dropped, error } = log;
  const open = build.state === "QUEUED" || build.state === "RUNNING";
  return (
    <Card withBorder padding="sm">
      <Stack gap="sm">
        <Group gap="xs" justify="space-between">
          <Group gap="xs">
            <Status state={build.state} />
            <Text size="sm" c="dimmed">
              requested <When at={build.requestedAt} />
              {tookOf(build) !== null && `, took ${duration(tookOf(build))}`}
            </Text>
            {build.version && (
              <Text size="sm">
                made{" "}
                <Anchor component={Link} to={`/functions/${id}/versions`}>
                  version {build.version.number}
                </Anchor>
              </Text>
            )}
          </Group>
          {mayWrite && open && (
            <Button
              size="compact-sm"
              variant="default"
              loading={fetching}
              onClick={async () => {
                const { data, error: fault } = await cancel({ id: build.id });
                if (accepted("It was not cancelled", fault, data?.cancelBuild)) notifyDone("The build is cancelled.");
              }}
            >
              Cancel
            </Button>
          )}
        </Group>
        {build.error && (
          <Alert
            color={build.state === "CANCELLED" ? "gray" : "red"}
            p="xs"
            title="It made no version"
            styles={{ body: { minWidth: 0 } }}
          >
            <Text
              size="sm"
              style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere", maxHeight: 260, overflow: "auto" }}
            >
              {build.error}
            </Text>
            <Text size="xs" mt={6}>
              What answers calls was left alone. Fix it at its source, then build again.
            </Text>
          </Alert>
        )}
        {build.version?.image && <ImageFacts image={build.version.image} />}
        <Phases build={build} lines={lines} version={version} />
        <Changes build={build} id={id} records={records} took={build.commit ?? tookCommit(lines)} />
        {error ? (
          <Failure error={new Error(error)} again={log.again} title="The log could not be loaded" />
        ) : (
          <Log
            lines={lines}
            version={version}
            dropped={dropped}
            height="max(220px, 40vh)"
            stderr="info"
            name={`build-${build.id}`}
            label="Log of the build"
            empty={
              log.over || !open ? (log.waiting ? "Loading …" : "Nothing was logged.") : "Waiting for the first line …"
            }
          />
        )}
      </Stack>
    </Card>
  );
}
