// The state of a dead letter, and the actions on it.

import { Alert, Anchor, Button, Group, Text } from "@mantine/core";
import { Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useMutation } from "urql";
import { PurgeRunDocument, RedriveRunDocument } from "../../../graphql/generated.ts";
import { Confirm } from "../../../ui/confirm.tsx";
import { accepted, notifyDone } from "../../../ui/notify.ts";
import { once } from "../../../ui/once.ts";
import { Status } from "../../../ui/status.tsx";
import { useViewer } from "../../auth/viewer.tsx";
import { RunLink } from "./RunLink.tsx";
import type { Run } from "./run.ts";

export function DeadLetter({ run, look }: { run: Run; look: () => void }) {
  const { mayWrite } = useViewer();
  const navigate = useNavigate();
  const [{ fetching }, redrive] = useMutation(RedriveRunDocument);
  const [, purge] = useMutation(PurgeRunDocument);
  const [asking, setAsking] = useState(false);
  if (run.deadLetter === null) return null;
  if (run.deadLetter === "REDRIVEN") {
    return (
      <Alert color="blue" p="xs">
        <Text size="sm">
          It was a dead letter and was tried again
          {run.redrivenAs && (
            <>
              {" "}
              as <RunLink id={run.redrivenAs.id} plainly /> <Status state={run.redrivenAs.state} size="xs" />
            </>
          )}
          .
        </Text>
      </Alert>
    );
  }
  if (run.deadLetter === "PURGED") {
    return (
      <Alert color="gray" p="xs">
        <Text size="sm">This dead letter was purged. It can still be run again.</Text>
      </Alert>
    );
  }
  return (
    <Alert color="orange" p="sm" title="It waits among the dead letters">
      <Text size="sm">
        Its last attempt failed too, and it is not retried any more. Fix the cause, then redrive it: it is tried again
        as a new run with the same input.
      </Text>
      {mayWrite && (
        <Group gap="xs" mt="xs">
          <Button
            size="xs"
            loading={fetching}
            onClick={once(async () => {
              const { data, error } = await redrive({ id: run.id });
              const made = data?.redriveRun;
              if (accepted("It was not redriven", error, made) && made?.run) {
                notifyDone("It is tried again, as this run.");
                await navigate({ to: "/runs/$id", params: { id: made.run.id } });
              }
            })}
          >
            Redrive
          </Button>
          <Button size="xs" variant="default" onClick={() => setAsking(true)}>
            Purge
          </Button>
          <Anchor component={Link} to="/dead-letters" size="sm" c="inherit" underline="always">
            All dead letters
          </Anchor>
        </Group>
      )}
      <Confirm
        opened={asking}
        close={() => setAsking(false)}
        title="Purge this dead letter?"
        act="Purge"
        danger
        onConfirm={async () => {
          const { data, error } = await purge({ id: run.id });
          if (accepted("It was not purged", error, data?.purgeRun)) notifyDone("It is purged.");
          look();
        }}
      >
        <Text size="sm">
          It leaves the list of dead letters and is not tried again. The run and its history stay available.
        </Text>
      </Confirm>
    </Alert>
  );
}
