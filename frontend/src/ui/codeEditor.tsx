// A code editor. Large, so it is loaded when it is first needed.

import { Skeleton } from "@mantine/core";
import { lazy, Suspense } from "react";
import type { Language } from "./codemirror.tsx";

const Editor = lazy(() => import("./codemirror.tsx"));

/** The language of a file, by its name. */
export function languageOf(path: string): Language {
  if (/\.(json|lock)$/i.test(path)) return "json";
  if (/\.[cm]?[jt]sx?$/i.test(path)) return "javascript";
  if (/\.py$/i.test(path)) return "python";
  return "text";
}

export function CodeEditor({
  path,
  value,
  onChange,
  height = 300,
}: {
  path: string;
  value: string;
  onChange: (value: string) => void;
  height?: number;
}) {
  return (
    <Suspense fallback={<Skeleton height={height} />}>
      <Editor key={path} language={languageOf(path)} label={path} value={value} onChange={onChange} height={height} />
    </Suspense>
  );
}
