// The timeline of a run, updated while it is not over.

import { Button, Card, Group, Text, Title } from "@mantine/core";
import { useMemo } from "react";
import { now as clock } from "../../../lib/clock.ts";
import { useNow } from "../../../ui/now.ts";
import { Failure, Waiting } from "../../../ui/states.tsx";
import { When } from "../../../ui/when.tsx";
import type { Records } from "../../history/useRecords.ts";
import type { Run } from "./run.ts";
import { timeline } from "./stretches.ts";
import { TimelineBars } from "./TimelineBars.tsx";

export function RunTimeline({ run, records: life }: { run: Run; records: Records }) {
  const stretches = useMemo(() => timeline(life.records, Number.POSITIVE_INFINITY), [life.records]);
  const on = stretches.some((stretch) => stretch.open);
  const now = useNow(on);
  const moment = Math.max(now, clock());
  return (
    <Card withBorder>
      <Group justify="space-between" mb="xs">
        <Title order={2} size="h5">
          Timeline
        </Title>
        <Group gap="md">
          <Text size="xs" c="dimmed">
            requested <When at={run.queuedAt} />
            {run.finishedAt && (
              <>
                , over <When at={run.finishedAt} />
              </>
            )}
          </Text>
        </Group>
      </Group>
      {stretches.length > 0 ? (
        <TimelineBars
          stretches={stretches.map((stretch) =>
            stretch.open ? { ...stretch, to: Math.max(stretch.from, moment) } : stretch,
          )}
        />
      ) : life.error ? (
        <Failure error={life.error} again={life.again} />
      ) : life.loading ? (
        <Waiting rows={2} again={life.again} />
      ) : (
        <Text size="sm" c="dimmed">
          The log has no record of it any more.
        </Text>
      )}
      {life.more && !life.loading && (
        <Text size="xs" c="dimmed" mt="xs">
          Of its {life.total.toLocaleString()} records the newest {life.records.length.toLocaleString()} are shown.{" "}
          <Button size="compact-xs" variant="default" onClick={life.load}>
            Load older ones
          </Button>
        </Text>
      )}
      {run.state === "RETRYING" && run.dueAt && (
        <Text size="sm" mt="xs">
          The next attempt is due <When at={run.dueAt} />.
        </Text>
      )}
    </Card>
  );
}
