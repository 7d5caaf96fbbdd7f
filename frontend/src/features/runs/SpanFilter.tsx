// Narrowing a list in time: a span that ends now, or from one time to another.

import { Group, SegmentedControl, Text, TextInput } from "@mantine/core";
import { fromInput, type Span, spanOf, toInput } from "./model.ts";

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
  const own = span.from !== undefined || span.until !== undefined;
  const choose = (to: string) => {
    if (to === "own") {
      const { since } = spanOf({ since: span.since ?? "hour" }, Date.now());
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
          <TextInput
            size="xs"
            type="datetime-local"
            aria-label="From"
            value={toInput(span.from)}
            onChange={(event) =>
              set({ since: undefined, from: fromInput(event.currentTarget.value), until: span.until })
            }
          />
          <Text size="xs" c="dimmed">
            to
          </Text>
          <TextInput
            size="xs"
            type="datetime-local"
            aria-label="To"
            value={toInput(span.until)}
            onChange={(event) =>
              set({ since: undefined, from: span.from, until: fromInput(event.currentTarget.value) })
            }
            error={backwards ? "Ends before it begins" : undefined}
          />
        </Group>
      )}
    </>
  );
}
