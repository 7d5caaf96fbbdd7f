// A filter by time: a span that ends now, or from one time to another.

import { Group, SegmentedControl, Text, TextInput } from "@mantine/core";
import { useEffect, useState } from "react";
import { now } from "../../lib/clock.ts";
import { fromInput, type Span, spanOf, toInput } from "./span.ts";

type Change = { [K in keyof Required<Span>]: Span[K] | undefined };

const SPANS = [
  { value: "minutes", label: "15 min" },
  { value: "hour", label: "1 h" },
  { value: "day", label: "24 h" },
  { value: "week", label: "7 d" },
  { value: "all", label: "All" },
  { value: "own", label: "From–to" },
];

export function SpanFilter({ span, set }: { span: Span; set: (change: Change) => void }) {
  // Once selected, it stays even while neither time is complete.
  const [chosen, setChosen] = useState(false);
  const own = span.from !== undefined || span.until !== undefined || (chosen && span.since === undefined);
  const choose = (to: string) => {
    setChosen(to === "own");
    if (to === "own") {
      const { since } = spanOf({ since: span.since ?? "hour" }, now());
      set({ since: undefined, from: since ?? undefined, until: undefined });
    } else set({ since: to === "all" ? undefined : (to as Span["since"]), from: undefined, until: undefined });
  };
  const backwards = span.from !== undefined && span.until !== undefined && span.until <= span.from;
  return (
    <>
      <SegmentedControl
        size="xs"
        aria-label="Time"
        value={own ? "own" : (span.since ?? "all")}
        onChange={choose}
        data={SPANS}
      />
      {own && (
        <Group gap="xs">
          <Time label="From" value={span.from} set={(from) => set({ since: undefined, from, until: span.until })} />
          <Text size="xs" c="dimmed">
            to
          </Text>
          <Time
            label="To"
            value={span.until}
            set={(until) => set({ since: undefined, from: span.from, until })}
            error={backwards ? "Ends before it begins" : undefined}
          />
        </Group>
      )}
    </>
  );
}

/** While a time is being typed it is incomplete, or in the year 2: it is applied once it is complete. */
function Time({
  label,
  value,
  set,
  error,
}: {
  label: string;
  value: string | undefined;
  set: (time: string | undefined) => void;
  error?: string | undefined;
}) {
  const [text, setText] = useState(toInput(value));
  useEffect(() => setText(toInput(value)), [value]);
  const take = (written: string) => {
    const time = fromInput(written);
    if (time !== value) set(time);
  };
  return (
    <TextInput
      size="xs"
      type="datetime-local"
      aria-label={label}
      value={text}
      onChange={(event) => {
        const written = event.currentTarget.value;
        setText(written);
        if (/^[12]\d{3}-/.test(written)) take(written);
      }}
      onBlur={() => text !== toInput(value) && take(text)}
      error={error}
    />
  );
}
