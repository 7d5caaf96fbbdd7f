// The scatter plot above a list of runs: when each was requested, how long it took, how it ended.

import { useNavigate } from "@tanstack/react-router";
import { useCallback, useDeferredValue, useMemo } from "react";
import { RunChangedDocument, RunDotsDocument, type RunDotsQueryVariables } from "../../../graphql/generated.ts";
import { useAsked, useFollowed } from "../../../graphql/live.ts";
import { Scatter } from "../../../ui/scatter.tsx";

/** The plot above the list. It may lag behind the list, which is rendered first. */
export function RunDots({ variables }: { variables: RunDotsQueryVariables }) {
  const navigate = useNavigate();
  const { data, look } = useAsked(RunDotsDocument, variables);
  useFollowed(RunChangedDocument, { function: variables.function ?? null }, () => {
    if (!variables.after) look();
  });
  const runs = useDeferredValue(data)?.runs.nodes;
  const dots = useMemo(
    () =>
      (runs ?? []).flatMap((run) =>
        run.durationMs === null ? [] : [{ id: run.id, at: run.queuedAt, ms: run.durationMs, state: run.state }],
      ),
    [runs],
  );
  const open = useCallback((id: string) => void navigate({ to: "/runs/$id", params: { id } }), [navigate]);
  return <Scatter dots={dots} open={open} />;
}
