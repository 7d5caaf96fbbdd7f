// A drop zone for a folder or an archive, showing which files are sent.

import { Alert, Badge, Button, Card, Code, Group, List, Stack, Text } from "@mantine/core";
import { type DragEvent, useRef, useState } from "react";
import { bytes } from "../../../lib/time.ts";
import { Icon } from "../../../ui/icons.tsx";
import { errorText } from "../../../ui/states.tsx";
import { isArchive, LIMIT, plan } from "./files.ts";
import { chosenFiles, type Dropped, droppedFiles } from "./upload.ts";

/** Files listed by name; further ones are counted. */
const NAMED = 8;

export function DropZone({ value, choose }: { value: Dropped | null; choose: (dropped: Dropped | null) => void }) {
  const folder = useRef<HTMLInputElement>(null);
  const archive = useRef<HTMLInputElement>(null);
  const [over, setOver] = useState(false);
  const [reading, setReading] = useState(false);
  const [fault, setFault] = useState<string | null>(null);

  const drop = async (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    setFault(null);
    // The browser forgets dropped files as soon as this function awaits anything.
    const files = [...event.dataTransfer.files];
    const entries = [...event.dataTransfer.items].flatMap((item) => item.webkitGetAsEntry?.() ?? []);
    const [only] = files;
    if (files.length === 1 && only && isArchive(only.name)) {
      choose({ archive: only });
      return;
    }
    setReading(true);
    try {
      choose(entries.length > 0 ? await droppedFiles(entries) : chosenFiles(files));
    } catch (error) {
      setFault(`It could not be read: ${errorText(error as Error)}`);
    } finally {
      setReading(false);
    }
  };

  if (value) return <Content value={value} clear={() => choose(null)} />;
  return (
    <Stack gap={6}>
      <Card
        withBorder
        padding="lg"
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={(event) => void drop(event)}
        style={{
          borderStyle: "dashed",
          borderWidth: 2,
          ...(over ? { borderColor: "var(--mantine-primary-color-filled)" } : {}),
        }}
      >
        <Stack align="center" gap="xs">
          <Icon name="down" size={26} color="var(--mantine-color-dimmed)" />
          <Text fw={500} ta="center">
            {reading ? "Reading …" : over ? "Let go" : "Drop a folder, a zip or a tar.gz here"}
          </Text>
          <Group gap="xs" justify="center">
            <Button size="xs" variant="default" onClick={() => folder.current?.click()}>
              Choose a folder
            </Button>
            <Button size="xs" variant="default" onClick={() => archive.current?.click()}>
              Choose an archive
            </Button>
          </Group>
          <Text size="xs" c="dimmed" ta="center">
            50 MiB at most. What tools made, such as node_modules and .git, stays on your disk.
          </Text>
        </Stack>
      </Card>
      <input
        ref={(element) => {
          folder.current = element;
          element?.setAttribute("webkitdirectory", "");
        }}
        type="file"
        multiple
        hidden
        aria-label="Folder"
        onChange={(event) => {
          const files = [...(event.currentTarget.files ?? [])];
          if (files.length > 0) choose(chosenFiles(files));
        }}
      />
      <input
        ref={archive}
        type="file"
        hidden
        aria-label="Archive"
        accept=".zip,.tgz,.gz,application/zip,application/gzip"
        onChange={(event) => {
          const file = event.currentTarget.files?.[0];
          if (file) choose({ archive: file });
        }}
      />
      {fault && (
        <Alert color="red" p="xs" role="alert">
          {fault}
        </Alert>
      )}
    </Stack>
  );
}

function Content({ value, clear }: { value: Dropped; clear: () => void }) {
  const other = (
    <Button size="compact-xs" variant="subtle" onClick={clear}>
      Choose something else
    </Button>
  );
  if ("archive" in value) {
    const { name, size } = value.archive;
    return (
      <Card withBorder padding="sm">
        <Group justify="space-between">
          <Text size="sm" style={{ overflowWrap: "anywhere" }}>
            <b>{name}</b>, {bytes(size)}, is sent as it is.
          </Text>
          {other}
        </Group>
        {size > LIMIT && (
          <Text size="sm" c="red" role="alert">
            It is larger than 50 MiB, which is what the server takes.
          </Text>
        )}
      </Card>
    );
  }
  const { files, bytes: size, left, kind, fault } = plan(value.files, value.skipped);
  return (
    <Card withBorder padding="sm">
      <Stack gap={6}>
        <Group justify="space-between">
          <Text size="sm" style={{ overflowWrap: "anywhere" }}>
            <b>{value.folder ?? "Files"}</b>: {files.length.toLocaleString()} {files.length === 1 ? "file" : "files"},{" "}
            {bytes(size)}
          </Text>
          {other}
        </Group>
        {fault && (
          <Text size="sm" c="red" role="alert">
            {fault}
          </Text>
        )}
        {files.length > 0 && (
          <Text size="sm" c={kind ? "dimmed" : "orange"}>
            {kind
              ? `It looks like ${kind}.`
              : "There is no function.json, package.json, app.py or *.py at its root: the build will not know what to do with it."}
          </Text>
        )}
        <List size="xs" listStyleType="none">
          {files.slice(0, NAMED).map(({ path, size: one }) => (
            <List.Item key={path}>
              <Code style={{ overflowWrap: "anywhere" }}>{path}</Code>{" "}
              <Text span size="xs" c="dimmed">
                {bytes(one)}
              </Text>
            </List.Item>
          ))}
          {files.length > NAMED && <List.Item>and {(files.length - NAMED).toLocaleString()} more</List.Item>}
        </List>
        {left.length > 0 && (
          <Group gap={6}>
            <Text size="xs" c="dimmed">
              Left out:
            </Text>
            {left.slice(0, NAMED).map((path) => (
              <Badge key={path} size="xs" variant="default" radius="sm" style={{ textTransform: "none" }}>
                {path}
              </Badge>
            ))}
            {left.length > NAMED && <Text size="xs">and {left.length - NAMED} more</Text>}
          </Group>
        )}
      </Stack>
    </Card>
  );
}
