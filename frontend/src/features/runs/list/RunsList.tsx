// The runs of one function or of all, live, filtered by the URL.

import { Button, Stack } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useCallback, useMemo } from "react";
import { RunChangedDocument, type RunState, RunsDocument } from "../../../graphql/generated.ts";
import { useAsked, useFollowed } from "../../../graphql/live.ts";
import { now as clock } from "../../../lib/clock.ts";
import { Pager } from "../../../ui/pager.tsx";
import { Empty, Failure, Waiting } from "../../../ui/states.tsx";
import { spanOf } from "../span.ts";
import { Filters } from "./Filters.tsx";
import { RunDots } from "./RunDots.tsx";
import { RunRows } from "./RunRows.tsx";
import { type Change, NOTHING, type Search } from "./search.ts";
import { Totals } from "./Totals.tsx";

interface Props {
  of?: string;
  search: Search;
  set: (change: Change) => void;
}

export function RunsList({ of, search, set }: Props) {
  const { since, from, until, trigger, version, event } = search;
  const narrowed = useMemo(
    () => ({
      function: of ?? null,
      trigger: trigger ?? null,
      version: version ?? null,
      event: event ?? null,
      ...spanOf({ since, from, until }, clock()),
    }),
    [of, trigger, version, event, since, from, until],
  );
  const choose = useCallback((state: RunState | undefined) => set({ state, after: undefined }), [set]);
  const variables = { ...narrowed, state: search.state ?? null, after: search.after ?? null };
  const { data, error, again, look, old } = useAsked(RunsDocument, variables);
  useFollowed(RunChangedDocument, { function: of ?? null }, () => {
    // The cache has inserted it; only the server knows the total.
    if (search.after) return;
    look();
  });
  const runs = data?.runs.nodes ?? [];
  const filtering =
    search.state !== undefined ||
    trigger !== undefined ||
    version !== undefined ||
    event !== undefined ||
    since !== undefined ||
    from !== undefined ||
    until !== undefined;
  const kinds = [...new Set(runs.map((run) => run.trigger))].sort().join("\n");
  const seen = useMemo(() => kinds.split("\n").filter(Boolean), [kinds]);
  return (
    <Stack gap="sm">
      <Filters of={of} search={search} set={set} triggers={seen} />
      <Totals narrowed={narrowed} state={search.state} choose={choose} />
      {error && !data ? (
        <Failure error={error} again={again} />
      ) : !data ? (
        <Waiting again={again} />
      ) : runs.length === 0 ? (
        <Empty
          title={filtering ? "No run matches" : "No runs yet"}
          action={
            filtering || search.after ? (
              <Button size="xs" variant="default" onClick={() => set(NOTHING)}>
                Show all
              </Button>
            ) : of ? (
              <Button size="xs" component={Link} to={`/functions/${of}/invoke`}>
                Invoke it
              </Button>
            ) : (
              <Button size="xs" component={Link} to="/functions">
                Go to functions
              </Button>
            )
          }
        >
          {filtering
            ? "Runs are kept for 7 days unless the server is set otherwise."
            : "A run begins when a function is called, an event that it waits for comes in, or its time has come."}
        </Empty>
      ) : (
        <Stack gap="sm" className={old ? "old" : undefined} aria-busy={old}>
          <RunDots variables={variables} />
          <RunRows runs={runs} names={of === undefined} />
          <Pager
            total={data.runs.totalCount}
            shown={runs.length}
            after={search.after}
            next={data.runs.pageInfo.hasNextPage ? data.runs.pageInfo.endCursor : null}
            go={(after) => set({ after })}
            what="runs"
          />
        </Stack>
      )}
    </Stack>
  );
}
