// Editing the source of the next build.

import { Card, Group, Stack, Text, TextInput, Title } from "@mantine/core";
import type { Source } from "./source.ts";

export function EditSource({
  source,
  readOnly,
  change,
}: {
  source: Source;
  readOnly: boolean;
  change: (source: Source) => void;
}) {
  const field = (name: "url" | "ref" | "path" | "image") => ({
    value: source[name] ?? "",
    onChange: (event: { currentTarget: { value: string } }) =>
      change({ ...source, [name]: event.currentTarget.value || null }),
    readOnly,
  });
  return (
    <Card withBorder>
      <Title order={3} size="h5">
        Source
      </Title>
      <Text size="xs" c="dimmed" mb="sm">
        Where the next build takes its code from.
      </Text>
      {source.type === "git" && (
        <Stack gap="sm">
          <TextInput label="Repository" {...field("url")} required className="mono-input" />
          <Group grow align="flex-end">
            <TextInput
              label="Branch, tag or commit"
              placeholder="the default branch"
              {...field("ref")}
              className="mono-input"
            />
            <TextInput label="Folder" placeholder="the root" {...field("path")} className="mono-input" />
          </Group>
        </Stack>
      )}
      {source.type === "image" && <TextInput label="Image" {...field("image")} required className="mono-input" />}
      {source.type === "bundle" && (
        <Text size="sm">
          An uploaded bundle, <span className="mono">{source.digest}</span>. Register a new upload under another name,
          or deploy one from the command line, to bring new code.
        </Text>
      )}
    </Card>
  );
}
