// The source of a function, as its form and the API represent it.

import type { FunctionSettingsQuery, SourceInput } from "../../../graphql/generated.ts";

export type Source = NonNullable<FunctionSettingsQuery["function"]>["source"];

/** The members of a source that its kind has. */
export function shownSource({ type, url, ref, path, digest, image, command }: Source): Record<string, unknown> {
  if (type === "git") return { type, url, ref, path };
  return type === "image" ? { type, image, command } : { type, digest };
}

export function sourceInput({ type, url, ref, path, digest, image, command }: Source): SourceInput {
  const text = (value: string | null) => value?.trim() || null;
  if (type === "git") return { git: { url: url?.trim() ?? "", ref: text(ref), path: text(path) } };
  if (type === "image") return { image: { image: image?.trim() ?? "", command } };
  return { bundle: { digest: digest ?? "" } };
}
