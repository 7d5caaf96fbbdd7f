// Confirms and executes redriving or discarding of dead letters.

import { List, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { useMutation } from "urql";
import {
  PurgeAllDocument,
  PurgeSomeDocument,
  RedriveAllDocument,
  RedriveRunDocument,
  type RunRowFragment,
} from "../../graphql/generated.ts";
import { shownName } from "../../lib/namespace.ts";
import { Confirm } from "../../ui/confirm.tsx";
import { accepted } from "../../ui/notify.ts";
import { errorText } from "../../ui/states.tsx";
import { byFunction, consequence, counted, type Decision, each, type Fate, type Outcome } from "./model.ts";

/** The decision: about the selected letters, or about all that match the filters. */
export interface Asking {
  decision: Decision;
  chosen: readonly RunRowFragment[] | null;
}

export function Decide({
  asking: { decision, chosen },
  fitting,
  total,
  close,
  done,
}: {
  asking: Asking;
  fitting: { namespace: string | null; function: string | null; since: string | null; until: string | null };
  total: number;
  close: () => void;
  done: (outcome: Outcome) => void;
}) {
  const [, redrive] = useMutation(RedriveRunDocument);
  const [, redriveAll] = useMutation(RedriveAllDocument);
  const [, purgeSome] = useMutation(PurgeSomeDocument);
  const [, purgeAll] = useMutation(PurgeAllDocument);
  const [progress, setProgress] = useState(0);
  const count = chosen?.length ?? total;
  const word = decision === "redrive" ? "Redrive" : "Purge";

  const act = async () => {
    if (chosen === null && decision === "redrive") {
      const { data, error } = await redriveAll(fitting);
      const made = data?.redriveDeadLetters;
      if (error || !made) return void accepted("None was redriven", error, made);
      const fates = made.userErrors.map((fault) => ({
        id: fault.field?.at(-1) ?? "",
        name: "",
        refused: fault.message,
      }));
      return done({ decision, fates, done: made.redriven, remaining: made.remaining });
    }
    if (chosen === null) {
      const { data, error } = await purgeAll(fitting);
      const made = data?.purgeDeadLetters;
      if (!accepted("None was purged", error, made) || !made) return;
      return done({ decision, fates: [], done: made.purged, remaining: made.remaining });
    }
    if (decision === "purge") {
      const { data, error } = await purgeSome({ ids: chosen.map(({ id }) => id) });
      const made = data?.purgeDeadLetters;
      if (!accepted("They were not purged", error, made) || !made) return;
      return done({
        decision,
        fates: chosen.map((run) => ({ id: run.id, name: shownName(run.function), refused: null })),
      });
    }
    const fates = await each(
      chosen,
      async (run): Promise<Fate> => {
        const { data, error } = await redrive({ id: run.id });
        const faults = data?.redriveRun.userErrors ?? [];
        const refused = error ? errorText(error) : faults.map((fault) => fault.message).join(" ") || null;
        return { id: run.id, name: shownName(run.function), refused };
      },
      setProgress,
    );
    done({ decision, fates });
  };
  return (
    <Confirm
      opened
      close={close}
      title={`${word} ${counted(count)}?`}
      act={progress > 0 ? `${progress} of ${count} …` : `${word} ${count.toLocaleString()}`}
      danger={decision === "purge"}
      {...(decision === "purge" && count > 1 ? { type: "purge" } : {})}
      onConfirm={act}
    >
      <Stack gap="xs">
        <Text size="sm" fw={600} style={{ overflowWrap: "anywhere" }}>
          {chosen ? byFunction(chosen) : `All ${counted(total)} of this list, on all its pages`}
        </Text>
        <List size="sm" spacing={4}>
          {consequence(decision, count).map((words) => (
            <List.Item key={words}>{words}</List.Item>
          ))}
        </List>
        {decision === "redrive" && (
          <Text size="sm" c="dimmed">
            Is the cause fixed? Otherwise they fail again.
          </Text>
        )}
      </Stack>
    </Confirm>
  );
}
