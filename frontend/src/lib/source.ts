// The source of a function, in words.

import { member } from "./json.ts";

/** A source as the API and the records represent it, with the members of its kind. */
export interface Source {
  type: string;
  url: string | null;
  ref: string | null;
  path: string | null;
  digest: string | null;
  image: string | null;
}

/** A source in a few words. */
export function describeSource(source: Source): string {
  if (source.type === "git") {
    const at = source.ref ? ` @ ${source.ref}` : "";
    return `${source.url ?? "git"}${at}${source.path ? ` in ${source.path}` : ""}`;
  }
  if (source.type === "image") return source.image ?? "image";
  return `uploaded bundle ${(source.digest ?? "").replace("sha256:", "").slice(0, 8)}`;
}

/** The source in the data of a record, in a few words; undefined if there is none. */
export function recordedSource(data: unknown): string | undefined {
  const source = member(data, "source");
  if (typeof source !== "object" || source === null) return undefined;
  return describeSource({ url: null, ref: null, path: null, digest: null, image: null, ...source } as Source);
}
