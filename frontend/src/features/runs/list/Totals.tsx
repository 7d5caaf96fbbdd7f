// The number of runs in each state; selecting one filters the list.

import { Box, Group, Text, UnstyledButton } from "@mantine/core";
import { memo, useEffect, useRef } from "react";
import {
  RunChangedDocument,
  type RunState,
  RunTotalsDocument,
  type RunTotalsQueryVariables,
} from "../../../graphql/generated.ts";
import { useAsked, useFollowed } from "../../../graphql/live.ts";
import { STATES } from "./search.ts";

/** The minimum interval between queries of the totals, in milliseconds: counting costs the server more than a page. */
const COUNT_EVERY = 5_000;

export const Totals = memo(function Totals({
  narrowed,
  state,
  choose,
}: {
  narrowed: RunTotalsQueryVariables;
  state: RunState | undefined;
  choose: (state: RunState | undefined) => void;
}) {
  const { data, again, old } = useAsked(RunTotalsDocument, narrowed);
  const changed = useRef(false);
  useFollowed(RunChangedDocument, { function: narrowed.function ?? null }, () => {
    changed.current = true;
  });
  useEffect(() => {
    const timer = setInterval(() => {
      if (!changed.current) return;
      changed.current = false;
      again();
    }, COUNT_EVERY);
    return () => clearInterval(timer);
  }, [again]);
  if (!data) return <Box h={22} />;
  const counts = STATES.map((one) => ({
    ...one,
    count: data.runCounts.find(({ state }) => state === one.value)?.count ?? 0,
  }));
  const all = counts.reduce((sum, { count }) => sum + count, 0);
  return (
    <Group gap="sm" role="group" aria-label="How many there are" className={old ? "old" : undefined} aria-busy={old}>
      <Total label="in all" count={all} on={state === undefined} onClick={() => choose(undefined)} />
      {counts
        .filter(({ count, value }) => count > 0 || value === state)
        .map(({ value, label, count }) => (
          <Total
            key={value}
            label={label.toLowerCase()}
            count={count}
            on={state === value}
            bad={["FAILED", "TIMED_OUT", "DEAD"].includes(value)}
            onClick={() => choose(state === value ? undefined : value)}
          />
        ))}
    </Group>
  );
});

function Total({
  label,
  count,
  on,
  bad = false,
  onClick,
}: {
  label: string;
  count: number;
  on: boolean;
  bad?: boolean;
  onClick: () => void;
}) {
  return (
    <UnstyledButton onClick={onClick} aria-pressed={on} style={{ borderRadius: 4 }}>
      <Text size="xs" td={on ? "underline" : undefined} style={{ whiteSpace: "nowrap" }}>
        <Text span inherit fw={700} {...(bad && count > 0 ? { c: "red" } : {})}>
          {count.toLocaleString()}
        </Text>{" "}
        {label}
      </Text>
    </UnstyledButton>
  );
}
