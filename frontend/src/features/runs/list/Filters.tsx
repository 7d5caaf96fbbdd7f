// The filters of a list of runs.

import { ActionIcon, Anchor, Autocomplete, Group, Select, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { memo, useRef } from "react";
import { type RunState, VersionNumbersDocument } from "../../../graphql/generated.ts";
import { useAsked } from "../../../graphql/live.ts";
import { short } from "../../../lib/time.ts";
import { versionNumbers } from "../../../lib/versions.ts";
import { Icon } from "../../../ui/icons.tsx";
import { SpanFilter } from "../SpanFilter.tsx";
import { type Change, type Search, STATES } from "./search.ts";

/** The most common triggers. */
const TRIGGERS = ["http.invoke", "schedule.triggered", "webhook.received", "message.queued"];

// Memoized: with many updates a second, rendering unchanged controls would cost more than the changed rows.
export const Filters = memo(function Filters({
  of,
  search,
  set,
  triggers,
}: {
  of: string | undefined;
  search: Search;
  set: (change: Change) => void;
  /** The triggers of the listed runs. */
  triggers: readonly string[];
}) {
  return (
    <Group gap="xs">
      <Select
        size="xs"
        placeholder="Any state"
        aria-label="State"
        data={STATES.map(({ value, label }) => ({ value, label }))}
        value={search.state ?? null}
        onChange={(state) => set({ state: (state as RunState | null) ?? undefined, after: undefined })}
        clearable
        w={130}
      />
      <Trigger key={search.trigger ?? ""} value={search.trigger} triggers={triggers} set={set} />
      {of && <Version of={of} value={search.version} set={set} />}
      {search.event && (
        <Group gap={2} wrap="nowrap">
          <Text size="xs">
            of the event{" "}
            <Anchor component={Link} to={`/events/${search.event}`} className="mono" inherit>
              {short(search.event)}
            </Anchor>
          </Text>
          <ActionIcon
            variant="subtle"
            color="gray"
            size="sm"
            aria-label="Show the runs of all events"
            onClick={() => set({ event: undefined, after: undefined })}
          >
            <Icon name="cross" size={12} />
          </ActionIcon>
        </Group>
      )}
      <SpanFilter span={search} set={(span) => set({ ...span, after: undefined })} />
    </Group>
  );
});

function Trigger({
  value,
  triggers,
  set,
}: {
  value: string | undefined;
  triggers: readonly string[];
  set: (change: Change) => void;
}) {
  const written = useRef(value ?? "");
  const take = (text: string) => {
    const trigger = text.trim() || undefined;
    if (trigger !== value) set({ trigger, after: undefined });
  };
  return (
    <Autocomplete
      size="xs"
      placeholder="Any trigger"
      aria-label="Trigger: the type of the event"
      data={[...new Set([...TRIGGERS, ...triggers])].sort()}
      defaultValue={value ?? ""}
      onChange={(text) => {
        written.current = text;
        if (text === "") take("");
      }}
      onOptionSubmit={take}
      onBlur={() => take(written.current)}
      onKeyDown={(event) => {
        if (event.key === "Enter") take(written.current);
      }}
      clearable
      w={170}
    />
  );
}

function Version({ of, value, set }: { of: string; value: number | undefined; set: (change: Change) => void }) {
  const { data } = useAsked(VersionNumbersDocument, { function: of });
  const numbers = versionNumbers(data?.function?.versions.nodes[0]?.number);
  const all = value === undefined || numbers.includes(value) ? numbers : [value, ...numbers];
  return (
    <Select
      size="xs"
      placeholder="Any version"
      aria-label="Version"
      data={all.map((number) => ({ value: String(number), label: `v${number}` }))}
      value={value === undefined ? null : String(value)}
      onChange={(version) => set({ version: version === null ? undefined : Number(version), after: undefined })}
      searchable
      limit={100}
      clearable
      w={120}
    />
  );
}
