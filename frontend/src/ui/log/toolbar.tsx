// The toolbar of a log: search, filters, pause, display options, copy and download.

import { ActionIcon, Group, Select, Text, TextInput, Tooltip } from "@mantine/core";
import { useEffect, useState } from "react";
import { plain } from "../../lib/ansi.ts";
import type { Least } from "../../lib/level.ts";
import { asText, type Line, type Wanted } from "../../lib/lines.ts";
import { Icon, type IconName } from "../icons.tsx";
import { useTyped } from "../typed.ts";
import type { LogFilter } from "./filter.ts";
import type { Matches } from "./matches.ts";
import type { LogPreferences } from "./preferences.ts";

const LEVELS = [
  { value: "all", label: "All levels" },
  { value: "info", label: "Info and worse" },
  { value: "warn", label: "Warnings, errors" },
  { value: "error", label: "Errors" },
  { value: "system", label: "EventFlow's own" },
];

const STREAMS = [
  { value: "all", label: "Both streams" },
  { value: "out", label: "stdout" },
  { value: "err", label: "stderr" },
];

export function Toolbar({
  filter,
  narrow,
  matches,
  preferences,
  prefer,
  following,
  pause,
  rows,
  name,
}: {
  filter: LogFilter;
  narrow: (change: Partial<LogFilter>) => void;
  /** The matches; null while there is no search. */
  matches: Matches | null;
  preferences: LogPreferences;
  prefer: (change: Partial<LogPreferences>) => void;
  following: boolean;
  pause: () => void;
  rows: readonly Line[];
  /** The name of a downloaded file. */
  name: string;
}) {
  const [typed, type] = useTyped(filter.q, (q) => narrow({ q }));
  return (
    <Group gap={6} mb={6}>
      <TextInput
        size="xs"
        placeholder="Search the lines"
        aria-label="Search the lines"
        leftSection={<Icon name="search" size={13} />}
        value={typed}
        onChange={(event) => type(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter") {
            event.preventDefault();
            matches?.step(event.shiftKey ? -1 : 1);
          } else if (event.key === "Escape" && typed !== "") {
            event.stopPropagation();
            type("");
          }
        }}
        style={{ flex: "1 1 150px", maxWidth: 300 }}
      />
      {matches && (
        <Group gap={2} wrap="nowrap">
          <Text size="xs" c={matches.count === 0 ? "red" : "dimmed"} px={4} role="status">
            {matches.number > 0 ? `${matches.number.toLocaleString()} of ` : ""}
            {matches.count.toLocaleString()} {matches.count === 1 ? "line" : "lines"}
          </Text>
          <Tool icon="up" label="Previous match (Shift Enter)" onClick={() => matches.step(-1)} />
          <Tool icon="down" label="Next match (Enter)" onClick={() => matches.step(1)} />
          <Tool icon="case" label="Match case" on={filter.cased} onClick={() => narrow({ cased: !filter.cased })} />
          <Tool
            icon="filter"
            label="Only lines that match"
            on={filter.only}
            onClick={() => narrow({ only: !filter.only })}
          />
        </Group>
      )}
      <Select
        size="xs"
        aria-label="Level"
        data={LEVELS}
        value={filter.least}
        onChange={(least) => narrow({ least: (least ?? "all") as Least })}
        allowDeselect={false}
        w={140}
      />
      <Select
        size="xs"
        aria-label="Stream"
        data={STREAMS}
        value={filter.stream}
        onChange={(stream) => narrow({ stream: (stream ?? "all") as Wanted["stream"] })}
        allowDeselect={false}
        w={128}
      />
      <Group gap={2} wrap="nowrap">
        <Tool
          icon={following ? "pause" : "run"}
          label={following ? "Pause: stay where I am" : "Go on: follow the newest line"}
          on={!following}
          onClick={pause}
        />
        <Tool
          icon="wrap"
          label="Wrap long lines"
          on={preferences.wrap}
          onClick={() => prefer({ wrap: !preferences.wrap })}
        />
        <Tool
          icon="clock"
          label="Show times"
          on={preferences.times}
          onClick={() => prefer({ times: !preferences.times })}
        />
        <CopyLines lines={rows} />
        <Tool icon="save" label="Save as a file" onClick={() => save(rows, name)} />
      </Group>
    </Group>
  );
}

function Tool({
  icon,
  label,
  on,
  onClick,
}: {
  icon: IconName;
  label: string;
  on?: boolean | undefined;
  onClick: () => void;
}) {
  return (
    <Tooltip label={label}>
      <ActionIcon
        variant={on ? "light" : "subtle"}
        color={on ? "indigo" : "gray"}
        size={28}
        aria-label={label}
        {...(on === undefined ? {} : { "aria-pressed": on })}
        onClick={onClick}
      >
        <Icon name={icon} size={15} />
      </ActionIcon>
    </Tooltip>
  );
}

function CopyLines({ lines }: { lines: readonly Line[] }) {
  const [copied, setCopied] = useState<boolean | null>(null);
  useEffect(() => {
    if (copied === null) return;
    const timer = setTimeout(() => setCopied(null), 1_500);
    return () => clearTimeout(timer);
  }, [copied]);
  return (
    <Tool
      icon={copied ? "check" : "copy"}
      label={copied ? "Copied" : copied === false ? "The browser did not allow it" : "Copy these lines"}
      onClick={() => {
        const text = lines.map((line) => plain(line.text)).join("\n");
        // Without TLS there may be no clipboard.
        Promise.resolve(navigator.clipboard?.writeText(text) ?? Promise.reject())
          .then(() => setCopied(true))
          .catch(() => setCopied(false));
      }}
    />
  );
}

function save(lines: readonly Line[], name: string) {
  const url = URL.createObjectURL(new Blob([asText(lines)], { type: "text/plain" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = `${name.replace(/[^\w.-]+/g, "-").slice(0, 80)}.log`;
  link.click();
  URL.revokeObjectURL(url);
}
