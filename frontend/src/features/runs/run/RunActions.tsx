// The actions on a run: cancel it, or run it again, possibly with another input or version.

import { Button, Modal } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useMutation } from "urql";
import { CancelRunDocument, ReplayRunDocument } from "../../../graphql/generated.ts";
import { Icon } from "../../../ui/icons.tsx";
import { accepted, notifyDone } from "../../../ui/notify.ts";
import { once } from "../../../ui/once.ts";
import { useViewer } from "../../auth/viewer.tsx";
import { goesOn } from "../state.ts";
import { EditAndRun } from "./EditAndRun.tsx";
import type { Run } from "./run.ts";

export function RunActions({ run }: { run: Run }) {
  const { mayWrite } = useViewer();
  const navigate = useNavigate();
  const [cancelling, cancel] = useMutation(CancelRunDocument);
  const [{ fetching }, replay] = useMutation(ReplayRunDocument);
  const [edited, setEdited] = useState(false);
  if (!mayWrite) return null;
  const again = async (version: number | null, payload?: unknown): Promise<boolean> => {
    const { data, error } = await replay({ id: run.id, version, ...(payload === undefined ? {} : { payload }) });
    const made = data?.replayRun;
    if (!accepted("It was not run again", error, made) || !made?.run) return false;
    notifyDone("It runs again, as this run.");
    await navigate({ to: "/runs/$id", params: { id: made.run.id } });
    return true;
  };
  return (
    <>
      {goesOn(run.state) && (
        <Button
          size="xs"
          variant="default"
          color="red"
          leftSection={<Icon name="stop" size={13} />}
          loading={cancelling.fetching}
          onClick={async () => {
            const { data, error } = await cancel({ id: run.id });
            if (accepted("It was not cancelled", error, data?.cancelRun)) notifyDone("The run is cancelled.");
          }}
        >
          Cancel
        </Button>
      )}
      {!run.inputCut && (
        <Button
          size="xs"
          leftSection={<Icon name="again" size={13} />}
          loading={fetching}
          onClick={once(() => again(null))}
        >
          Run again
        </Button>
      )}
      <Button size="xs" variant="default" onClick={() => setEdited(true)}>
        Edit and run
      </Button>
      <Modal opened={edited} onClose={() => setEdited(false)} title="Run it again" size="lg">
        {edited && <EditAndRun run={run} close={() => setEdited(false)} again={again} />}
      </Modal>
    </>
  );
}
