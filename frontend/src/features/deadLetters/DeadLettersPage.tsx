// Runs whose last attempt failed: why, and trying them again or giving them up.

import { Anchor, Button, Card, Group, Stack, Text } from "@mantine/core";
import { Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useMutation } from "urql";
import { useViewer } from "../../app/session.tsx";
import {
  DeadLettersDocument,
  PurgeAllDocument,
  PurgeRunDocument,
  RedriveAllDocument,
  RedriveRunDocument,
  RunChangedDocument,
} from "../../graphql/generated.ts";
import { useAsked, useFollowed } from "../../graphql/live.ts";
import { short } from "../../lib/time.ts";
import { Confirm } from "../../ui/confirm.tsx";
import { accepted, tellDone } from "../../ui/notify.ts";
import { Page } from "../../ui/page.tsx";
import { Pager } from "../../ui/pager.tsx";
import { Empty, Failure, Waiting } from "../../ui/states.tsx";
import { When } from "../../ui/when.tsx";

export function DeadLettersPage({ after }: { after: string | undefined }) {
  const navigate = useNavigate();
  const { mayWrite } = useViewer();
  const { data, error, again, look } = useAsked(DeadLettersDocument, { after: after ?? null });
  useFollowed(RunChangedDocument, {}, look);
  const [, redrive] = useMutation(RedriveRunDocument);
  const [, purge] = useMutation(PurgeRunDocument);
  const [, redriveAll] = useMutation(RedriveAllDocument);
  const [, purgeAll] = useMutation(PurgeAllDocument);
  const [asking, setAsking] = useState<"redrive" | "purge" | null>(null);
  const letters = data?.deadLetters.nodes ?? [];
  const total = data?.deadLetters.totalCount ?? 0;
  return (
    <Page
      title="Dead letters"
      actions={
        mayWrite &&
        total > 0 && (
          <>
            <Button size="xs" onClick={() => setAsking("redrive")}>
              Redrive all {total}
            </Button>
            <Button size="xs" color="red" variant="outline" onClick={() => setAsking("purge")}>
              Purge all
            </Button>
          </>
        )
      }
    >
      <Confirm
        opened={asking === "redrive"}
        close={() => setAsking(null)}
        title={`Redrive ${total} dead letters?`}
        act="Redrive"
        onConfirm={async () => {
          const result = await redriveAll({});
          const made = result.data?.redriveDeadLetters;
          if (accepted("Not all were redriven", result.error, made))
            tellDone(`${made?.redriven ?? 0} are tried again, ${made?.remaining ?? 0} still wait.`);
          look();
        }}
      >
        <Text size="sm">
          Each is tried again as a new run with its old input, at most 1,000 at once. Was the fault mended?
        </Text>
      </Confirm>
      <Confirm
        opened={asking === "purge"}
        close={() => setAsking(null)}
        title={`Purge ${total} dead letters?`}
        act="Purge"
        danger
        type="purge"
        onConfirm={async () => {
          const result = await purgeAll({});
          const made = result.data?.purgeDeadLetters;
          if (accepted("Not all were purged", result.error, made))
            tellDone(`${made?.purged ?? 0} are purged, ${made?.remaining ?? 0} still wait.`);
          look();
        }}
      >
        <Text size="sm">
          Nobody will be asked to look at them again. The log keeps that they were, until its time is up.
        </Text>
      </Confirm>
      {error && !data ? (
        <Failure error={error} again={again} />
      ) : !data ? (
        <Waiting again={again} />
      ) : letters.length === 0 ? (
        <Empty title="No dead letters">
          A run whose last attempt failed waits here, with its reason and its whole input, until somebody decides.
        </Empty>
      ) : (
        <Stack gap="xs">
          {letters.map((run) => (
            <Card key={run.id} withBorder padding="sm">
              <Group justify="space-between" gap="xs" align="flex-start">
                <div style={{ minWidth: 0, flex: "1 1 220px" }}>
                  <Group gap="xs">
                    <Anchor component={Link} to={`/functions/${run.function.id}`} size="sm" fw={600}>
                      {run.function.name}
                    </Anchor>
                    <Anchor component={Link} to={`/runs/${run.id}`} className="mono">
                      {short(run.id)}
                    </Anchor>
                    <Text size="xs" c="dimmed">
                      {run.trigger} · {run.attempt} {run.attempt === 1 ? "attempt" : "attempts"} ·{" "}
                      <When at={run.finishedAt ?? run.queuedAt} />
                    </Text>
                  </Group>
                  <Text size="sm" c="red" mt={4} lineClamp={3} style={{ overflowWrap: "anywhere" }}>
                    {run.error ?? "No reason was given."}
                  </Text>
                </div>
                {mayWrite && (
                  <Group gap="xs">
                    <Button
                      size="compact-sm"
                      variant="light"
                      onClick={async () => {
                        const result = await redrive({ id: run.id });
                        if (accepted("It was not redriven", result.error, result.data?.redriveRun))
                          tellDone("It is tried again.");
                        look();
                      }}
                    >
                      Redrive
                    </Button>
                    <Button
                      size="compact-sm"
                      variant="subtle"
                      color="red"
                      onClick={async () => {
                        const result = await purge({ id: run.id });
                        accepted("It was not purged", result.error, result.data?.purgeRun);
                        look();
                      }}
                    >
                      Purge
                    </Button>
                  </Group>
                )}
              </Group>
            </Card>
          ))}
          <Pager
            total={total}
            shown={letters.length}
            after={after}
            next={data.deadLetters.pageInfo.hasNextPage ? data.deadLetters.pageInfo.endCursor : null}
            go={(next) => void navigate({ to: "/dead-letters", search: next ? { after: next } : {} })}
            what="dead letters"
          />
        </Stack>
      )}
    </Page>
  );
}
