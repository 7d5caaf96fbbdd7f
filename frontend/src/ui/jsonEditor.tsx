// A JSON editor. Large, so it is loaded when it is first needed.

import { Skeleton, Text } from "@mantine/core";
import { lazy, Suspense } from "react";

const Editor = lazy(() => import("./codemirror.tsx"));

interface Props {
  value: string;
  onChange: (value: string) => void;
  label: string;
  height?: number;
  /** The help text, shown while nothing is wrong. */
  note?: string;
  /** Called on ⌘Enter. */
  onSubmit?: () => void;
}

/** What is wrong with a text that should be JSON; null if nothing is. An empty text is allowed. */
export function jsonFault(text: string): string | null {
  if (text.trim() === "") return null;
  try {
    JSON.parse(text);
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

export function JsonEditor({ value, onChange, label, height = 200, note = "JSON; empty is allowed", onSubmit }: Props) {
  const fault = jsonFault(value);
  return (
    <div>
      <Text size="sm" fw={500} mb={4}>
        {label}
      </Text>
      <Suspense fallback={<Skeleton height={height} />}>
        <Editor value={value} onChange={onChange} label={label} height={height} {...(onSubmit ? { onSubmit } : {})} />
      </Suspense>
      <Text size="xs" c={fault ? "red" : "dimmed"} mt={4} role={fault ? "alert" : undefined}>
        {fault ?? note}
      </Text>
    </div>
  );
}
