// Runs as rows of a table, or as cards on narrow screens.

import { ActionIcon, Anchor, Card, Group, Table, Text, Tooltip } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { Link } from "@tanstack/react-router";
import { memo } from "react";
import { useMutation } from "urql";
import { CancelRunDocument, type RunRowFragment } from "../../../graphql/generated.ts";
import { shownName } from "../../../lib/namespace.ts";
import { duration, short } from "../../../lib/time.ts";
import { Icon } from "../../../ui/icons.tsx";
import { accepted, notifyDone } from "../../../ui/notify.ts";
import { Status } from "../../../ui/status.tsx";
import { When } from "../../../ui/when.tsx";
import { useViewer } from "../../auth/viewer.tsx";
import { headline } from "../error.ts";
import { goesOn } from "../state.ts";
import "./rows.css";

/** How a run ended, in a word. */
function outcome(run: RunRowFragment): string {
  if (run.error) return headline(run.error);
  if (run.httpStatus !== null) return String(run.httpStatus);
  if (run.exitCode !== null) return `exit ${run.exitCode}`;
  return "";
}

function Cancel({ run }: { run: RunRowFragment }) {
  const { mayWrite } = useViewer();
  const [{ fetching }, cancel] = useMutation(CancelRunDocument);
  if (!mayWrite || !goesOn(run.state)) return null;
  return (
    <Tooltip label="Cancel this run">
      <ActionIcon
        variant="subtle"
        color="red"
        size="sm"
        loading={fetching}
        aria-label={`Cancel run ${short(run.id)}`}
        onClick={async () => {
          const result = await cancel({ id: run.id });
          if (accepted("It was not cancelled", result.error, result.data?.cancelRun))
            notifyDone("The run is cancelled.");
        }}
      >
        <Icon name="cross" size={14} />
      </ActionIcon>
    </Tooltip>
  );
}

interface One {
  run: RunRowFragment;
  names: boolean;
}

// Rendered again only if the run changed: with many updates a second, the other rows would cost the most.
const Wide = memo(function Wide({ run, names }: One) {
  return (
    <tr>
      <td>
        <Anchor component={Link} to={`/runs/${run.id}`} className="mono">
          {short(run.id, 13)}
        </Anchor>
      </td>
      {names && (
        <td>
          <Anchor component={Link} to={`/functions/${run.function.id}`} size="sm">
            {shownName(run.function)}
          </Anchor>
        </td>
      )}
      <td>
        <div className="state">
          <Status state={run.state} />
          {run.attempt > 1 && <span className="aside">attempt {run.attempt}</span>}
          {goesOn(run.state) && <Cancel run={run} />}
        </div>
      </td>
      <td className="mono kind" title={run.trigger}>
        {run.trigger}
      </td>
      <td>{run.version === null ? "–" : `v${run.version}`}</td>
      <td>
        <When at={run.queuedAt} plain />
      </td>
      <td>{duration(run.durationMs)}</td>
      <td className={run.error ? "outcome bad" : "outcome"} title={outcome(run)}>
        {outcome(run)}
      </td>
    </tr>
  );
});

const Narrow = memo(function Narrow({ run, names }: One) {
  return (
    <Card withBorder padding="xs" mb={6}>
      <Group justify="space-between" gap="xs" wrap="nowrap">
        <Group gap="xs" wrap="nowrap" style={{ minWidth: 0 }}>
          <Status state={run.state} size="xs" />
          <Anchor component={Link} to={`/runs/${run.id}`} size="sm" fw={500} truncate>
            {names ? shownName(run.function) : short(run.id, 13)}
          </Anchor>
        </Group>
        <Group gap={4} wrap="nowrap">
          <Text size="xs" c="dimmed" style={{ whiteSpace: "nowrap" }}>
            {run.version !== null && `v${run.version} · `}
            {duration(run.durationMs)}
          </Text>
          <Cancel run={run} />
        </Group>
      </Group>
      <Text size="xs" c="dimmed" truncate>
        {run.trigger} · <When at={run.queuedAt} />
        {run.attempt > 1 && ` · attempt ${run.attempt}`}
      </Text>
      {outcome(run) !== "" && (
        <Text size="xs" c={run.error ? "red" : "dimmed"} lineClamp={2} style={{ overflowWrap: "anywhere" }}>
          {outcome(run)}
        </Text>
      )}
    </Card>
  );
});

export function RunRows({ runs, names = true }: { runs: readonly RunRowFragment[]; names?: boolean }) {
  const wide = useMediaQuery("(min-width: 48em)", window.matchMedia("(min-width: 48em)").matches);
  if (!wide) {
    return (
      <div>
        {runs.map((run) => (
          <Narrow key={run.id} run={run} names={names} />
        ))}
      </div>
    );
  }
  return (
    <Table.ScrollContainer minWidth={680} type="native">
      <Table verticalSpacing={6}>
        <Table.Thead>
          <Table.Tr>
            <Table.Th>Run</Table.Th>
            {names && <Table.Th>Function</Table.Th>}
            <Table.Th>State</Table.Th>
            <Table.Th>Trigger</Table.Th>
            <Table.Th>Version</Table.Th>
            <Table.Th>Requested</Table.Th>
            <Table.Th>Duration</Table.Th>
            <Table.Th>Outcome</Table.Th>
          </Table.Tr>
        </Table.Thead>
        <tbody className="runs">
          {runs.map((run) => (
            <Wide key={run.id} run={run} names={names} />
          ))}
        </tbody>
      </Table>
    </Table.ScrollContainer>
  );
}
