// Runs whose last attempt failed: why, with what input, and trying them again or giving them up; then what became of
// them.

import {
  ActionIcon,
  Alert,
  Anchor,
  Button,
  Card,
  Checkbox,
  Group,
  List,
  Select,
  Stack,
  Text,
  Tooltip,
} from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useMemo, useState } from "react";
import { useMutation } from "urql";
import {
  BecameDocument,
  DeadInputDocument,
  DeadLettersDocument,
  NamespacesDocument,
  PurgeAllDocument,
  PurgeSomeDocument,
  RedriveAllDocument,
  RedriveRunDocument,
  RunChangedDocument,
  type RunRowFragment,
} from "../../graphql/generated.ts";
import { useAsked, useFollowed } from "../../graphql/live.ts";
import { now as clock } from "../../lib/clock.ts";
import { shownName } from "../../lib/namespace.ts";
import { short } from "../../lib/time.ts";
import { Confirm } from "../../ui/confirm.tsx";
import { Icon } from "../../ui/icons.tsx";
import { Json } from "../../ui/json.tsx";
import { accepted } from "../../ui/notify.ts";
import { Page } from "../../ui/page.tsx";
import { Pager } from "../../ui/pager.tsx";
import { Empty, Failure, told, Waiting } from "../../ui/states.tsx";
import { Status } from "../../ui/status.tsx";
import { When } from "../../ui/when.tsx";
import { useViewer } from "../auth/viewer.tsx";
import { FunctionPicker } from "../functions/FunctionPicker.tsx";
import { headline, type Span, spanOf } from "../runs/model.ts";
import { SpanFilter } from "../runs/SpanFilter.tsx";
import { byFunction, consequence, counted, type Decision, each, type Fate, stillThere } from "./model.ts";
import "@mantine/core/styles/Checkbox.css";

export interface Search {
  function?: string;
  namespace?: string;
  since?: NonNullable<Span["since"]>;
  from?: string;
  until?: string;
  after?: string;
}

type Change = { [K in keyof Search]?: Search[K] | undefined };

interface Props {
  search: Search;
  set: (change: Change) => void;
}

/** What is to be decided: about those that were chosen, or about all that fit. */
interface Asking {
  decision: Decision;
  chosen: readonly RunRowFragment[] | null;
}

/** How it went. */
interface Outcome {
  decision: Decision;
  fates: readonly Fate[];
  /** Set when all that fit were meant: how many it was done to, and how many still wait. */
  done?: number | undefined;
  remaining?: number | undefined;
}

export function DeadLettersPage({ search, set }: Props) {
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
      {outcome && <Told outcome={outcome} close={() => setOutcome(null)} />}
      {error && !data ? (
        <Failure error={error} again={again} />
      ) : !data ? (
        <Waiting again={again} />
      ) : letters.length === 0 ? (
        <Empty
          title={filtering ? "No dead letter fits" : "No dead letters"}
          action={
            filtering || search.after ? (
              <Button
                size="xs"
                variant="default"
                onClick={() =>
                  set({
                    function: undefined,
                    namespace: undefined,
                    since: undefined,
                    from: undefined,
                    until: undefined,
                    after: undefined,
                  })
                }
              >
                Show all
              </Button>
            ) : undefined
          }
        >
          A run whose last attempt failed waits here, with its reason and its whole input, until somebody decides.
        </Empty>
      ) : (
        // What is shown for other filters than those that are chosen is nothing to decide about.
        <Stack gap="xs" className={old ? "old" : undefined} aria-busy={old} inert={old}>
          {mayWrite && (
            <Group gap="xs" justify="space-between">
              <Checkbox
                size="sm"
                label={picked.length === 0 ? "Choose all on this page" : `${picked.length} chosen`}
                checked={picked.length === letters.length}
                indeterminate={picked.length > 0 && picked.length < letters.length}
                onChange={(event) =>
                  setChosen(event.currentTarget.checked ? new Set(letters.map(({ id }) => id)) : new Set())
                }
              />
              <Group gap="xs">
                {picked.length > 0 ? (
                  <>
                    <Button size="xs" onClick={() => ask("redrive", picked)}>
                      Redrive {picked.length}
                    </Button>
                    <Button size="xs" color="red" variant="outline" onClick={() => ask("purge", picked)}>
                      Purge {picked.length}
                    </Button>
                  </>
                ) : (
                  <>
                    <Button size="xs" onClick={() => ask("redrive", null)}>
                      Redrive all {total.toLocaleString()}
                      {filtering && " that match"}
                    </Button>
                    <Button size="xs" color="red" variant="outline" onClick={() => ask("purge", null)}>
                      Purge all{filtering && " that match"}
                    </Button>
                  </>
                )}
              </Group>
            </Group>
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

function Filters({ search, set }: Props) {
  const { data } = useAsked(NamespacesDocument, {});
  const names = data?.namespaces.map(({ name }) => name) ?? [];
  return (
    <Group gap="xs">
      <FunctionPicker
        value={search.function}
        namespace={search.namespace}
        choose={(id) => set({ function: id, after: undefined })}
      />
      {(names.length > 1 || search.namespace !== undefined) && (
        <Select
          size="xs"
          placeholder="Any namespace"
          aria-label="Namespace"
          data={[...new Set([...names, ...(search.namespace ? [search.namespace] : [])])]}
          value={search.namespace ?? null}
          onChange={(namespace) => set({ namespace: namespace ?? undefined, function: undefined, after: undefined })}
          clearable
          w={150}
        />
      )}
      <SpanFilter span={search} set={(span) => set({ ...span, after: undefined })} />
    </Group>
  );
}

function Letter({
  run,
  on,
  toggle,
  ask,
}: {
  run: RunRowFragment;
  on: boolean;
  toggle: ((on: boolean) => void) | undefined;
  ask: ((decision: Decision) => void) | undefined;
}) {
  const [opened, setOpened] = useState(false);
  return (
    <Card withBorder padding="sm">
      <Group gap="sm" align="flex-start" wrap="nowrap">
        {toggle && (
          <Checkbox
            size="sm"
            checked={on}
            onChange={(event) => toggle(event.currentTarget.checked)}
            aria-label={`Choose run ${short(run.id)} of ${run.function.name}`}
          />
        )}
        <div style={{ minWidth: 0, flex: 1 }}>
          <Group justify="space-between" gap="xs" align="flex-start">
            <div style={{ minWidth: 0, flex: "1 1 230px" }}>
              <Group gap="xs">
                <Anchor component={Link} to={`/runs/${run.id}`} className="mono">
                  {short(run.id, 13)}
                </Anchor>
                <Anchor component={Link} to={`/functions/${run.function.id}`} size="sm" fw={600}>
                  {shownName(run.function)}
                </Anchor>
                <Text size="xs" c="dimmed">
                  {run.trigger}
                  {run.version !== null && ` · v${run.version}`} · {run.attempt}{" "}
                  {run.attempt === 1 ? "attempt" : "attempts"} · died <When at={run.finishedAt ?? run.queuedAt} />
                </Text>
              </Group>
              <Text
                size="sm"
                c="red"
                mt={4}
                lineClamp={3}
                style={{ overflowWrap: "anywhere" }}
                title={run.error ?? undefined}
              >
                {run.error ? headline(run.error) : "No reason was given."}
              </Text>
            </div>
            <Group gap={6}>
              <Button size="compact-xs" variant="subtle" onClick={() => setOpened(!opened)} aria-expanded={opened}>
                {opened ? "Hide the input" : "Input"}
              </Button>
              {ask && (
                <>
                  <Button size="compact-xs" variant="light" onClick={() => ask("redrive")}>
                    Redrive
                  </Button>
                  <Button size="compact-xs" variant="subtle" color="red" onClick={() => ask("purge")}>
                    Purge
                  </Button>
                </>
              )}
            </Group>
          </Group>
          {opened && <Input id={run.id} />}
        </div>
      </Group>
    </Card>
  );
}

function Input({ id }: { id: string }) {
  const { data, error, again } = useAsked(DeadInputDocument, { id });
  if (error && !data) return <Failure error={error} again={again} />;
  if (!data?.run) return <Waiting rows={2} again={again} />;
  return (
    <Json
      value={data.run.input}
      label={data.run.inputCut ? "Its beginning: it was longer than what is kept, and cannot be redriven" : "Input"}
      max={260}
    />
  );
}

function Decide({
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
        const refused = error ? told(error) : faults.map((fault) => fault.message).join(" ") || null;
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
            Was the fault mended? Otherwise they fail once more.
          </Text>
        )}
      </Stack>
    </Confirm>
  );
}

/** Fates that are told one by one. */
const SHOWN = 50;

function Told({ outcome: { decision, fates, done, remaining }, close }: { outcome: Outcome; close: () => void }) {
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

/** What became of one: live, since runs are followed on this page. */
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
