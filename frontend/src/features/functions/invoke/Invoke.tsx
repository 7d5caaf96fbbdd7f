// Calling a function by hand: the request, the answer, the log lines, and earlier calls.

import { Card, Grid, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { useMutation } from "urql";
import { CancelRunDocument, FunctionHeadDocument, InvokeFunctionDocument } from "../../../graphql/generated.ts";
import { useAsked } from "../../../graphql/live.ts";
import { accepted } from "../../../ui/notify.ts";
import { errorText } from "../../../ui/states.tsx";
import { useViewer } from "../../auth/viewer.tsx";
import { CallForm, type Refused } from "./CallForm.tsx";
import { Calls } from "./Calls.tsx";
import { loadDraft, saveDraft } from "./draftStorage.ts";
import { type Draft, draftFault, over, sent } from "./invocation.ts";
import { Outcome } from "./Outcome.tsx";
import { useCalls } from "./useCalls.ts";

export function Invoke({ id }: { id: string }) {
  const { mayWrite } = useViewer();
  const [draft, setDraft] = useState(() => loadDraft(id));
  const { data: head } = useAsked(FunctionHeadDocument, { id });
  const [{ fetching }, invoke] = useMutation(InvokeFunctionDocument);
  const [, cancel] = useMutation(CancelRunDocument);
  const [refusals, setRefusals] = useState<readonly Refused[]>([]);
  const [shown, setShown] = useState<string | null>(null);
  const { made, add, settle } = useCalls(id);
  const call = made.find(({ run }) => run.id === shown) ?? made[0];

  const of = head?.function;
  const send = async (what: Draft) => {
    if (draftFault(what) !== null || fetching) return;
    saveDraft(id, what);
    setRefusals([]);
    const begun = performance.now();
    const { data, error } = await invoke({
      id,
      payload: what.payload.trim() === "" ? null : JSON.parse(what.payload),
      wait: false,
      http: { method: what.method, path: what.path, query: what.query, headers: sent(what.headers) },
    });
    if (error) {
      setRefusals([{ message: errorText(error), field: null }]);
      return;
    }
    const { run, userErrors } = data?.invokeFunction ?? { run: null, userErrors: [] };
    if (!run) {
      setRefusals(userErrors);
      return;
    }
    add({ draft: what, run, took: over(run.state) ? performance.now() - begun : null, begun });
    setShown(run.id);
    void settle(run.id);
  };

  if (!mayWrite)
    return (
      <Text size="sm" c="dimmed">
        You can view functions, but not call them.
      </Text>
    );
  if (of?.state === "DEREGISTERED")
    return (
      <Text size="sm" c="dimmed">
        It is deregistered and answers no calls. What it answered is under Runs.
      </Text>
    );
  return (
    <Grid gap="md">
      <Grid.Col span={{ base: 12, md: 5 }}>
        <CallForm
          of={of}
          draft={draft}
          change={(part) => setDraft((now) => ({ ...now, ...part }))}
          refusals={refusals}
          sending={fetching}
          send={() => send(draft)}
        />
      </Grid.Col>
      <Grid.Col span={{ base: 12, md: 7 }}>
        <Stack gap="md">
          {call ? (
            <Outcome
              call={call}
              again={() => void send(call.draft)}
              cancel={async () => {
                const { data, error } = await cancel({ id: call.run.id });
                if (accepted("It was not cancelled", error, data?.cancelRun)) void settle(call.run.id);
              }}
            />
          ) : (
            <Card withBorder>
              <Text size="sm" c="dimmed">
                Its answer and its log will appear here.
              </Text>
            </Card>
          )}
          {made.length > 1 && call && (
            <Calls
              calls={made}
              shown={call}
              show={setShown}
              edit={(what) => setDraft({ ...what, headers: [...what.headers] })}
            />
          )}
        </Stack>
      </Grid.Col>
    </Grid>
  );
}
