// A list as one text field, its items separated by commas.

import { TextInput, type TextInputProps } from "@mantine/core";
import { useState } from "react";
import { listOf } from "../manifest.ts";

export function ListInput({
  value,
  set,
  ...rest
}: { value: unknown; set: (to: string[]) => void } & Omit<TextInputProps, "value" | "onChange">) {
  // While a list is being typed it may contain what a manifest cannot, such as a trailing comma.
  const [text, setText] = useState(() => (Array.isArray(value) ? value.map(String).join(", ") : ""));
  return (
    <TextInput
      size="xs"
      className="mono-input"
      value={text}
      onChange={(event) => {
        setText(event.currentTarget.value);
        set(listOf(event.currentTarget.value));
      }}
      {...rest}
    />
  );
}
