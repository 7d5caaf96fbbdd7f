// One record in the history of a function.

import { Anchor, Collapse, Group, Text, UnstyledButton } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import type { RecordFragment } from "../../graphql/generated.ts";
import { Json } from "../../ui/json.tsx";
import { When } from "../../ui/when.tsx";
import { bad, sentence, who } from "./model.ts";

export function RecordRow({
  record,
  id,
  on,
  choose,
}: {
  record: RecordFragment;
  id: string;
  on: boolean;
  choose: () => void;
}) {
  const [opened, setOpened] = useState(false);
  const build =
    typeof record.data === "object" && record.data !== null && "build" in record.data
      ? (record.data as { build: unknown }).build
      : undefined;
  return (
    <>
      <UnstyledButton onClick={choose} aria-current={on} style={{ display: "block", width: "100%" }}>
        <Text
          size="sm"
          fw={on ? 700 : 500}
          c={bad(record.type) ? "red" : "inherit"}
          lineClamp={4}
          style={{ overflowWrap: "anywhere" }}
        >
          {sentence(record)}
        </Text>
      </UnstyledButton>
      <Group gap="xs">
        <Text size="xs" c="dimmed">
          <When at={record.at} /> by {who(record.actor)}
        </Text>
        <Anchor component="button" type="button" size="xs" onClick={() => setOpened(!opened)} aria-expanded={opened}>
          {opened ? "hide the record" : "the record"}
        </Anchor>
        {typeof build === "string" && (
          <Anchor component={Link} size="xs" to={`/functions/${id}/builds?build=${encodeURIComponent(build)}`}>
            the build
          </Anchor>
        )}
      </Group>
      <Collapse expanded={opened}>
        {opened && <Json value={record} label={`${record.type}, position ${record.position}`} max={300} />}
      </Collapse>
    </>
  );
}
