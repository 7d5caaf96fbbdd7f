// Editing the source of the next build.

import { Card, Group, Stack, Text, TextInput, Title } from "@mantine/core";
import { useState } from "react";
import { commandOf, loginSecret, registryOf, wordsOf } from "../../../lib/image.ts";
import type { Known } from "./editing.ts";
import { Secret } from "./Secret.tsx";
import type { Source } from "./source.ts";

export function EditSource({
  source,
  readOnly,
  mayWrite,
  namespace,
  known,
  change,
}: {
  source: Source;
  readOnly: boolean;
  mayWrite: boolean;
  namespace: string;
  known: Known;
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
      {source.type === "image" && (
        <Stack gap="sm">
          <TextInput label="Image" {...field("image")} required className="mono-input" />
          <Command
            words={source.command}
            readOnly={readOnly}
            change={(command) => change({ ...source, command: command && [...command] })}
          />
          <div>
            <Text size="sm" fw={500}>
              Login
            </Text>
            <Text size="xs" c="dimmed" mb={4}>
              With it, builds of {namespace} pull private images of {registryOf(source.image ?? "")}.
            </Text>
            <Secret
              name={loginSecret(source.image ?? "")}
              namespace={namespace}
              setAt={known.get(loginSecret(source.image ?? ""))}
              note={null}
              mayWrite={mayWrite}
              registry={registryOf(source.image ?? "")}
            />
          </div>
        </Stack>
      )}
      {source.type === "bundle" && (
        <Text size="sm">
          An uploaded bundle, <span className="mono">{source.digest}</span>. Register a new upload under another name,
          or deploy one from the command line, to bring new code.
        </Text>
      )}
    </Card>
  );
}

/** The command of an image, as it is typed. */
function Command({
  words,
  readOnly,
  change,
}: {
  words: readonly string[] | null;
  readOnly: boolean;
  change: (words: readonly string[] | null) => void;
}) {
  const [typed, setTyped] = useState(() => commandOf(words ?? []));
  const meant = wordsOf(typed);
  return (
    <TextInput
      label="Command"
      placeholder="the image's own"
      value={typed}
      onChange={(event) => {
        const text = event.currentTarget.value;
        setTyped(text);
        const next = wordsOf(text);
        if (next) change(next.length === 0 ? null : next);
      }}
      error={meant === null && "A quote is not closed"}
      readOnly={readOnly}
      className="mono-input"
    />
  );
}
