// Network access of a function: none, open, or a list of hosts.

import { Stack, Switch, TextInput } from "@mantine/core";
import { useState } from "react";
import type { Schema } from "../../../lib/schema.ts";
import { listOf } from "./manifest.ts";

export function Network({
  schema,
  value,
  set,
  readOnly,
  fault,
}: {
  schema: Schema;
  value: unknown;
  set: (to: unknown) => void;
  readOnly: boolean;
  fault: (below: string) => string | undefined;
}) {
  const hosts = Array.isArray(value) ? value.map(String) : [];
  // While a list is being typed it may contain what a manifest cannot, such as a trailing comma.
  const [text, setText] = useState(() => hosts.join(", "));
  const faults = ["", ...hosts.map((_, index) => `/${index}`)].map(fault);
  return (
    <Stack gap="xs">
      <Switch
        label={schema.title}
        description={schema.description}
        checked={value === true || hosts.length > 0}
        onChange={(event) => {
          setText("");
          set(event.currentTarget.checked);
        }}
        disabled={readOnly}
      />
      {(value === true || hosts.length > 0) && (
        <TextInput
          size="xs"
          label="Only these hosts"
          placeholder="all that are open"
          value={text}
          onChange={(event) => {
            setText(event.currentTarget.value);
            const named = listOf(event.currentTarget.value);
            set(named.length > 0 ? named : true);
          }}
          error={faults.find((message) => message !== undefined)}
          readOnly={readOnly}
        />
      )}
    </Stack>
  );
}
