// Selecting dead letters on a page, and deciding about the selected ones or about all.

import { Button, Checkbox, Group } from "@mantine/core";
import type { RunRowFragment } from "../../graphql/generated.ts";
import type { Decision } from "./model.ts";

export function Selection({
  letters,
  picked,
  choose,
  total,
  filtering,
  ask,
}: {
  /** The letters on this page. */
  letters: readonly RunRowFragment[];
  /** Those of them that are selected. */
  picked: readonly RunRowFragment[];
  choose: (ids: ReadonlySet<string>) => void;
  /** The total number on all pages. */
  total: number;
  filtering: boolean;
  /** Asks about these letters, or about all that match if there are none. */
  ask: (decision: Decision, of: readonly RunRowFragment[] | null) => void;
}) {
  return (
    <Group gap="xs" justify="space-between">
      <Checkbox
        size="sm"
        label={picked.length === 0 ? "Choose all on this page" : `${picked.length} chosen`}
        checked={picked.length === letters.length}
        indeterminate={picked.length > 0 && picked.length < letters.length}
        onChange={(event) => choose(event.currentTarget.checked ? new Set(letters.map(({ id }) => id)) : new Set())}
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
  );
}
