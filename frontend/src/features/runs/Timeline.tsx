// The attempts of a run as bars over time.

import { Group, Stack, Text, Tooltip } from "@mantine/core";
import { duration } from "../../lib/time.ts";
import { stateColour } from "../../ui/status.tsx";
import type { Stretch } from "./model.ts";

/** The narrowest bar, in percent, so that a moment can be seen. */
const NARROW = 1.5;

function colour(stretch: Stretch): string {
  if (stretch.kind === "waiting") return "var(--mantine-color-gray-5)";
  if (stretch.kind === "pausing") return "var(--mantine-color-orange-4)";
  if (stretch.outcome === undefined) return stateColour("RUNNING");
  return stateColour(
    { succeeded: "SUCCEEDED", failed: "FAILED", cancelled: "CANCELLED", lost: "RETRYING" }[stretch.outcome],
  );
}

function name(stretch: Stretch): string {
  if (stretch.kind === "waiting") return "queued";
  if (stretch.kind === "pausing") return "waits for the next attempt";
  return `attempt ${stretch.attempt}${stretch.version === undefined ? "" : `, v${stretch.version}`}`;
}

export function Timeline({ stretches }: { stretches: readonly Stretch[] }) {
  const from = stretches[0]?.from ?? 0;
  const to = Math.max(from + 1, ...stretches.map((stretch) => stretch.to));
  return (
    <Stack gap={6}>
      {stretches.map((stretch) => {
        const left = Math.min(100 - NARROW, (100 * (stretch.from - from)) / (to - from));
        const width = Math.max(NARROW, Math.min(100 - left, (100 * (stretch.to - stretch.from)) / (to - from)));
        return (
          <div key={`${stretch.kind}-${stretch.attempt}-${stretch.from}`}>
            <Group justify="space-between" gap="xs">
              <Text size="xs">
                {name(stretch)}
                {stretch.outcome && ` · ${stretch.outcome}`}
              </Text>
              <Text size="xs" c="dimmed">
                {duration(stretch.to - stretch.from)}
              </Text>
            </Group>
            <Tooltip
              label={stretch.error ?? `${name(stretch)}: ${duration(stretch.to - stretch.from)}`}
              multiline
              maw={360}
            >
              <div style={{ background: "var(--mantine-color-default-hover)", borderRadius: 4, height: 10 }}>
                <div
                  style={{
                    marginLeft: `${left}%`,
                    width: `${width}%`,
                    height: 10,
                    borderRadius: 4,
                    background: colour(stretch),
                  }}
                />
              </div>
            </Tooltip>
            {stretch.error && (
              <Text size="xs" c="red" mt={2} style={{ overflowWrap: "anywhere" }}>
                {stretch.error}
              </Text>
            )}
          </div>
        );
      })}
    </Stack>
  );
}
