// Recent failed calls, with a link to the latest one.

import { Alert, Button, Group, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { When } from "../../../ui/when.tsx";
import { headline } from "../../runs/error.ts";
import { trouble } from "./calling.ts";
import type { OverviewFunction } from "./overviewFunction.ts";

export function Failures({ of }: { of: OverviewFunction }) {
  const { failed, of: over, newest } = trouble(of.recent.nodes);
  if (!newest) return null;
  const answers = of.currentVersion?.number;
  return (
    <Alert color={failed * 2 >= over ? "red" : "orange"} p="xs">
      <Group gap="xs" justify="space-between">
        <Text size="sm" style={{ overflowWrap: "anywhere", flex: "1 1 260px" }} lineClamp={3}>
          <b>
            {failed} of the last {over} {over === 1 ? "call" : "calls"} failed.
          </b>{" "}
          The newest, <When at={newest.finishedAt} />
          {newest.version !== null && ` on version ${newest.version}`}:{" "}
          {newest.error ? headline(newest.error) : "no reason was given"}
          {answers !== undefined && newest.version !== null && newest.version !== answers && (
            <>. Version {answers} answers now</>
          )}
        </Text>
        <Group gap="xs">
          <Button size="compact-sm" variant="default" component={Link} to={`/runs/${newest.id}`}>
            Open that run
          </Button>
          {(of.currentVersion?.number ?? 0) > 1 && (
            <Button size="compact-sm" variant="default" component={Link} to={`/functions/${of.id}/versions`}>
              {newest.version === answers ? "Compare or roll back" : "Compare versions"}
            </Button>
          )}
        </Group>
      </Group>
    </Alert>
  );
}
