// The bar that shows unsaved changes and leads to saving them.

import { Button, Group, Paper, Text } from "@mantine/core";
import type { SettingsDraft } from "./useDraft.ts";

export function Unsaved({
  draft,
  wrong,
  review,
}: {
  draft: SettingsDraft;
  /** Violations of the schema. */
  wrong: readonly { path: string; message: string }[];
  review: () => void;
}) {
  return (
    <Paper
      withBorder
      shadow="md"
      p="sm"
      style={{ position: "sticky", bottom: 8, zIndex: 5 }}
      role="region"
      aria-label="Not saved yet"
    >
      <Group justify="space-between" gap="xs">
        <Text size="sm" c={wrong.length > 0 ? "red" : "inherit"} role="status">
          {wrong.length > 0
            ? `It does not fit yet: ${wrong[0]?.path} ${wrong[0]?.message}${wrong.length > 1 ? `, and ${wrong.length - 1} more` : ""}`
            : `Not saved yet: ${[draft.changedManifest && "manifest", draft.changedSource && "source"].filter(Boolean).join(" and ")}`}
        </Text>
        <Group gap="xs">
          <Button size="xs" variant="default" onClick={draft.discard}>
            Discard
          </Button>
          <Button size="xs" onClick={review} disabled={wrong.length > 0}>
            Review and save
          </Button>
        </Group>
      </Group>
    </Paper>
  );
}
