// Dead letters: why each run failed, and its input; redriving or discarding them, and the results.

import { Button, Stack } from "@mantine/core";
import { useMemo, useState } from "react";
import { DeadLettersDocument, RunChangedDocument, type RunRowFragment } from "../../graphql/generated.ts";
import { useAsked, useFollowed } from "../../graphql/live.ts";
import { now as clock } from "../../lib/clock.ts";
import { Page } from "../../ui/page.tsx";
import { Pager } from "../../ui/pager.tsx";
import { Empty, Failure, Waiting } from "../../ui/states.tsx";
import { useViewer } from "../auth/viewer.tsx";
import { spanOf } from "../runs/span.ts";
import { type Asking, Decide } from "./Decide.tsx";
import { Filters } from "./Filters.tsx";
import { Letter } from "./Letter.tsx";
import { type Decision, type Outcome, stillThere } from "./model.ts";
import { Selection } from "./Selection.tsx";
import { type Narrowed, NOTHING } from "./search.ts";
import "@mantine/core/styles/Checkbox.css";
import { DecisionOutcome } from "./DecisionOutcome.tsx";

export function DeadLettersPage({ search, set }: Narrowed) {
  const { mayWrite } = useViewer();
  const { since, from, until } = search;
  const fitting = useMemo(
    () => ({
      namespace: search.namespace ?? null,
      function: search.function ?? null,
      ...spanOf({ since, from, until }, clock()),
    }),
    [search.namespace, search.function, since, from, until],
  );
  const { data, error, again, look, old } = useAsked(DeadLettersDocument, { ...fitting, after: search.after ?? null });
  useFollowed(RunChangedDocument, {}, look);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [asking, setAsking] = useState<Asking | null>(null);
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  const letters = data?.deadLetters.nodes ?? [];
  const total = data?.deadLetters.totalCount ?? 0;
  const picked = stillThere(letters, chosen);
  const filtering = Object.entries(search).some(([name, value]) => name !== "after" && value !== undefined);
  const toggle = (id: string, on: boolean) => {
    const next = new Set(chosen);
    if (on) next.add(id);
    else next.delete(id);
    setChosen(next);
  };
  const ask = (decision: Decision, of: readonly RunRowFragment[] | null) => setAsking({ decision, chosen: of });
  return (
    <Page title="Dead letters">
      <Filters search={search} set={set} />
      {asking && (
        <Decide
          asking={asking}
          fitting={fitting}
          total={total}
          close={() => setAsking(null)}
          done={(result) => {
            setOutcome(result);
            setChosen(new Set());
            look();
          }}
        />
      )}
      {outcome && <DecisionOutcome outcome={outcome} close={() => setOutcome(null)} />}
      {error && !data ? (
        <Failure error={error} again={again} />
      ) : !data ? (
        <Waiting again={again} />
      ) : letters.length === 0 ? (
        <Empty
          title={filtering ? "No dead letter fits" : "No dead letters"}
          action={
            filtering || search.after ? (
              <Button size="xs" variant="default" onClick={() => set(NOTHING)}>
                Show all
              </Button>
            ) : undefined
          }
        >
          A run whose last attempt failed waits here, with its reason and its whole input, until somebody decides.
        </Empty>
      ) : (
        // Rows of a previous filter cannot be selected.
        <Stack gap="xs" className={old ? "old" : undefined} aria-busy={old} inert={old}>
          {mayWrite && (
            <Selection
              letters={letters}
              picked={picked}
              choose={setChosen}
              total={total}
              filtering={filtering}
              ask={ask}
            />
          )}
          {letters.map((run) => (
            <Letter
              key={run.id}
              run={run}
              on={chosen.has(run.id)}
              toggle={mayWrite ? (on) => toggle(run.id, on) : undefined}
              ask={mayWrite ? (decision) => ask(decision, [run]) : undefined}
            />
          ))}
          <Pager
            total={total}
            shown={letters.length}
            after={search.after}
            next={data.deadLetters.pageInfo.hasNextPage ? data.deadLetters.pageInfo.endCursor : null}
            go={(after) => set({ after })}
            what="dead letters"
          />
        </Stack>
      )}
    </Page>
  );
}
