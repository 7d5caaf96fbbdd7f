// The results of a decision about dead letters.

import { ActionIcon, Alert, Anchor, Group, Stack, Text, Tooltip } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { BecameDocument } from "../../graphql/generated.ts";
import { useAsked } from "../../graphql/live.ts";
import { short } from "../../lib/time.ts";
import { Icon } from "../../ui/icons.tsx";
import { Status } from "../../ui/status.tsx";
import { counted, type Fate, type Outcome } from "./model.ts";

/** Results listed individually. */
const SHOWN = 50;

export function DecisionOutcome({
  outcome: { decision, fates, done, remaining },
  close,
}: {
  outcome: Outcome;
  close: () => void;
}) {
  const refused = fates.filter((fate) => fate.refused !== null);
  const good = done ?? fates.length - refused.length;
  const verb =
    decision === "redrive"
      ? good === 1
        ? "is tried again"
        : "are tried again"
      : good === 1
        ? "is purged"
        : "are purged";
  return (
    <Alert
      color={refused.length > 0 ? "orange" : "teal"}
      title={`${counted(good)} ${verb}${refused.length > 0 ? `, ${refused.length} not` : ""}`}
      styles={{ body: { minWidth: 0 } }}
    >
      <Group justify="space-between" align="flex-start" wrap="nowrap">
        <Stack gap={4} style={{ minWidth: 0 }}>
          {remaining !== undefined && (
            <Text size="sm">
              {remaining === 0
                ? "None of this list is left."
                : `${counted(remaining)} of this list ${remaining === 1 ? "is" : "are"} left.`}{" "}
              {decision === "redrive" && good > 0 && (
                <Anchor component={Link} to="/runs?since=minutes" size="sm" c="inherit" underline="always">
                  See how they go
                </Anchor>
              )}
            </Text>
          )}
          {fates.slice(0, SHOWN).map((fate) =>
            fate.refused === null ? (
              <Became key={fate.id} fate={fate} />
            ) : (
              <Text key={fate.id || fate.refused} size="sm" style={{ overflowWrap: "anywhere" }}>
                {fate.id && (
                  <Anchor component={Link} to={`/runs/${fate.id}`} className="mono" c="inherit" underline="always">
                    {short(fate.id, 13)}
                  </Anchor>
                )}{" "}
                {fate.name} {fate.refused}
              </Text>
            ),
          )}
          {fates.length > SHOWN && <Text size="sm">… and {fates.length - SHOWN} more</Text>}
        </Stack>
        <Tooltip label="Close">
          <ActionIcon variant="subtle" color="gray" aria-label="Close" onClick={close}>
            <Icon name="cross" size={14} />
          </ActionIcon>
        </Tooltip>
      </Group>
    </Alert>
  );
}

/** The result for one letter; live, since this page subscribes to runs. */
function Became({ fate }: { fate: Fate }) {
  const { data } = useAsked(BecameDocument, { id: fate.id });
  const run = data?.run;
  return (
    <Group gap="xs">
      <Anchor component={Link} to={`/runs/${fate.id}`} className="mono" c="inherit" underline="always">
        {short(fate.id, 13)}
      </Anchor>
      <Text size="sm">{fate.name}</Text>
      {run?.redrivenAs ? (
        <>
          <Text size="sm">is now</Text>
          <Anchor component={Link} to={`/runs/${run.redrivenAs.id}`} className="mono" c="inherit" underline="always">
            {short(run.redrivenAs.id, 13)}
          </Anchor>
          <Status state={run.redrivenAs.state} size="xs" />
        </>
      ) : (
        run?.deadLetter === "PURGED" && <Text size="sm">is purged</Text>
      )}
    </Group>
  );
}
