// The form fields for a Git source.

import { Group, TextInput } from "@mantine/core";
import type { Code } from "./code.ts";

export function FromGit({
  code,
  edit,
  fault,
}: {
  code: Code;
  edit: (part: Partial<Code>) => void;
  fault: (field: string) => string | undefined;
}) {
  return (
    <>
      <TextInput
        label="Repository"
        placeholder="https://github.com/you/thumbnails"
        description="https, ssh, or a path on the server's disk"
        value={code.url}
        onChange={(event) => edit({ url: event.currentTarget.value })}
        error={fault("url")}
        required
        data-autofocus
      />
      <Group grow align="flex-end">
        <TextInput
          label="Branch, tag or commit"
          placeholder="the default branch"
          value={code.ref}
          onChange={(event) => edit({ ref: event.currentTarget.value })}
          error={fault("ref")}
        />
        <TextInput
          label="Folder"
          placeholder="the root"
          value={code.path}
          onChange={(event) => edit({ path: event.currentTarget.value })}
          error={fault("path")}
        />
      </Group>
    </>
  );
}
