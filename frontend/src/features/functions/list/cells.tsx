// The parts of a function's row or card.

import { Anchor, Group, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { withoutMutation } from "../../../lib/secret.ts";
import { type Spark, sum } from "../../../ui/spark.ts";
import { Sparkline } from "../../../ui/sparkline.tsx";
import { Status, stateWord } from "../../../ui/status.tsx";
import { When } from "../../../ui/when.tsx";
import { shownState } from "../model.ts";
import { useTrouble } from "../useTrouble.ts";
import type { Listed } from "./useFunctions.ts";

export type Calls = ReadonlyMap<string, readonly Spark[]>;

const nothing = (
  <Text size="sm" c="dimmed">
    –
  </Text>
);

export function State({ of }: { of: Listed }) {
  return <Status state={shownState(of)} broken={useTrouble([of])(of).broken} />;
}

/** The text below a state: why a function does not work, or why its latest build failed. */
export function Why({ of }: { of: Listed }) {
  const { broken } = useTrouble([of])(of);
  const build = of.builds.nodes[0];
  const why = broken
    ? withoutMutation(of.stateReason ?? "")
    : build?.state === "FAILED"
      ? `last build failed: ${build.error ?? "see its log"}`
      : null;
  if (!why) return null;
  return (
    <Text size="xs" c="red" lineClamp={2} title={why} style={{ overflowWrap: "anywhere" }}>
      {why}
    </Text>
  );
}

/** The state of the latest run or build, with a link to it. */
function Newest({ to, state, at, what }: { to: string; state: string; at: string; what: string }) {
  return (
    <Group gap="2px 6px">
      <Anchor component={Link} to={to} underline="never" aria-label={`${stateWord(state)}: ${what}`}>
        <Status state={state} size="xs" />
      </Anchor>
      <When at={at} size="xs" c="dimmed" />
    </Group>
  );
}

export function LastBuild({ of }: { of: Listed }) {
  const build = of.builds.nodes[0];
  if (!build) return nothing;
  const to = `/functions/${of.id}/builds?build=${build.id}`;
  const at = build.finishedAt ?? build.requestedAt;
  return <Newest to={to} state={build.state} at={at} what={`the newest build of ${of.name}`} />;
}

export function LastRun({ of }: { of: Listed }) {
  const run = of.runs.nodes[0];
  if (!run) return nothing;
  return <Newest to={`/runs/${run.id}`} state={run.state} at={run.queuedAt} what={`the newest run of ${of.name}`} />;
}

export function Hour({ points }: { points: readonly Spark[] | undefined }) {
  if (!points) return <Text size="xs">&nbsp;</Text>;
  const { calls, errors } = sum(points);
  return (
    <Group gap={8} wrap="nowrap">
      <Sparkline points={points} label="calls a minute" width={96} />
      <Text size="xs" c="dimmed" style={{ whiteSpace: "nowrap" }}>
        {calls === 0 ? "no calls" : `${calls.toLocaleString()} / h`}
        {errors > 0 && (
          <Text span size="xs" c="red">
            {" "}
            {errors.toLocaleString()} failed
          </Text>
        )}
      </Text>
    </Group>
  );
}

export const made = (of: Listed): ReactNode =>
  of.currentVersion ? `${of.runtime} ${of.mode.toLowerCase()}` : "not built yet";

export interface RowProps {
  of: Listed;
  points: readonly Spark[] | undefined;
  index: number;
  measure: (element: Element | null) => void;
}
