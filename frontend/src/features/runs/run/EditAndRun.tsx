// The form for repeating a run with another input or version.

import { Alert, Button, Group, Select, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { VersionNumbersDocument } from "../../../graphql/generated.ts";
import { useAsked } from "../../../graphql/live.ts";
import { versionNumbers } from "../../../lib/versions.ts";
import { JsonEditor, jsonFault } from "../../../ui/jsonEditor.tsx";
import type { Run } from "./run.ts";

/** The data that a function got, extracted from the CloudEvent. */
function payloadOf(input: unknown): string {
  const data =
    typeof input === "object" && input !== null && "data" in input ? (input as { data: unknown }).data : null;
  return data === null || data === undefined ? "" : JSON.stringify(data, null, 2);
}

export function EditAndRun({
  run,
  close,
  again,
}: {
  run: Run;
  close: () => void;
  again: (version: number | null, payload?: unknown) => Promise<boolean>;
}) {
  const first = run.inputCut ? "" : payloadOf(run.input);
  const [text, setText] = useState(first);
  const [version, setVersion] = useState("current");
  const { data } = useAsked(VersionNumbersDocument, { function: run.function.id });
  const current = data?.function?.currentVersion?.number;
  const numbers = versionNumbers(data?.function?.versions.nodes[0]?.number);
  const same = text === first && !run.inputCut;
  return (
    <Stack>
      {run.inputCut && (
        <Alert color="orange" p="xs">
          Its input was longer than what is kept, so it cannot be sent as it was: write another one.
        </Alert>
      )}
      <JsonEditor label="Payload" value={text} onChange={setText} height={240} />
      <Select
        label="Version"
        data={[
          {
            value: "current",
            label: `The one that answers now${current === undefined ? "" : ` (v${current})`}`,
          },
          ...numbers.map((number) => ({
            value: String(number),
            label: `v${number}${number === run.version ? ", as this run" : ""}`,
          })),
        ]}
        value={version}
        onChange={(to) => setVersion(to ?? "current")}
        searchable
        limit={100}
        allowDeselect={false}
      />
      <Group justify="space-between">
        <Text size="xs" c="dimmed">
          {same ? "The input is the same as before." : "With another input than before."}
        </Text>
        <Group>
          <Button variant="default" onClick={close}>
            Cancel
          </Button>
          <Button
            disabled={jsonFault(text) !== null}
            onClick={async () => {
              const chosen = version === "current" ? null : Number(version);
              const payload = same ? undefined : text.trim() === "" ? null : JSON.parse(text);
              if (await again(chosen, payload)) close();
            }}
          >
            Run
          </Button>
        </Group>
      </Group>
    </Stack>
  );
}
