// The whole manifest as JSON, and a way back to the one in the source.

import { Anchor, Button, Code, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { Confirm } from "../../../ui/confirm.tsx";
import { JsonEditor } from "../../../ui/jsonEditor.tsx";
import type { Editing } from "./editing.ts";
import { isManifest } from "./manifest.ts";

export function ManifestJson({
  manifest,
  change,
  readOnly,
  wrong,
  overrides,
  drop,
}: Editing & {
  wrong: readonly { path: string; message: string }[];
  overrides: boolean;
  drop: (() => Promise<void>) | undefined;
}) {
  const [text, setText] = useState(() => JSON.stringify(manifest, null, 2));
  const [asking, setAsking] = useState(false);
  return (
    <Stack gap="xs">
      <Text size="sm" c="dimmed">
        {overrides
          ? "This manifest was set here and overrides the function.json of the source as a whole."
          : "What the version that answers was built with, every default filled in."}{" "}
        <Anchor href="/schemas/function.json" target="_blank" rel="noreferrer" size="sm" underline="always">
          Its schema
        </Anchor>
      </Text>
      {drop && (
        <div>
          <Button size="compact-sm" variant="default" onClick={() => setAsking(true)}>
            Use the function.json of the source again
          </Button>
          <Confirm
            opened={asking}
            close={() => setAsking(false)}
            title="Use the function.json of the source again"
            act="Drop and build"
            onConfirm={drop}
          >
            What was set here is dropped; its history keeps it. A build makes a new version from what the source says,
            which takes over when it is healthy.
          </Confirm>
        </div>
      )}
      <JsonEditor
        label="Manifest"
        note="As function.json has it"
        value={text}
        height={420}
        onChange={(next) => {
          setText(next);
          if (readOnly) return;
          try {
            const parsed = JSON.parse(next) as unknown;
            if (isManifest(parsed)) change(parsed);
          } catch {
            // Incomplete input: the editor shows it.
          }
        }}
      />
      {wrong.map(({ path, message }) => (
        <Text key={`${path}${message}`} size="xs" c="red">
          <Code>{path || "/"}</Code> {message}
        </Text>
      ))}
    </Stack>
  );
}
