// The source of a new function, as its form represents it.

import type { SourceInput } from "../../../graphql/generated.ts";
import { tarGz } from "../../../lib/tar.ts";
import { jsonFault } from "../../../ui/jsonEditor.tsx";
import { nameFrom } from "../name.ts";
import type { From } from "./from.ts";
import { filesOf, named, type TemplateName } from "./templates.ts";
import { type Dropped, packed, sendable, upload } from "./upload.ts";

/** All fields of the form; each kind of source uses its own. */
export interface Code {
  url: string;
  ref: string;
  path: string;
  image: string;
  command: string;
  dropped: Dropped | null;
  template: TemplateName;
  /** The files written here, by path. */
  written: Readonly<Record<string, string>>;
}

export const FIRST: Code = {
  url: "",
  ref: "",
  path: "",
  image: "",
  command: "",
  dropped: null,
  template: "node",
  written: filesOf("node"),
};

/** A suggested name, derived from the source. */
export function guessedName(from: From, { url, path, image, dropped, template }: Code): string {
  switch (from) {
    case "git":
      return nameFrom(path || url);
    case "image":
      return nameFrom((image.split("@")[0] ?? "").replace(/:[^:/]*$/, ""));
    case "upload":
      if (!dropped) return "";
      return nameFrom("archive" in dropped ? dropped.archive.name : (dropped.folder ?? ""));
    case "write":
      return nameFrom(`my-${template}`);
  }
}

/** Whether the source cannot be sent as it is. */
export function codeFault(from: From, { written, dropped }: Code): boolean {
  if (from === "write") return jsonFault(written["function.json"] ?? "") !== null;
  return from === "upload" && !sendable(dropped);
}

/** The source for the API. Local files are uploaded first; `sent` gets the fraction sent, from 0 to 1. */
export async function sourceOf(
  from: From,
  code: Code,
  name: string,
  sent: (share: number) => void,
): Promise<SourceInput> {
  if (from === "git")
    return { git: { url: code.url.trim(), ref: code.ref.trim() || null, path: code.path.trim() || null } };
  if (from === "image") {
    const words = code.command.trim() === "" ? null : code.command.trim().split(/\s+/);
    return { image: { image: code.image.trim(), command: words } };
  }
  sent(0);
  return { bundle: { digest: await upload(await archiveOf(from, code, name), sent) } };
}

async function archiveOf(from: From, { dropped, written }: Code, name: string): Promise<Blob> {
  if (from === "upload") {
    if (!dropped) throw new Error("Drop or choose a folder or an archive first.");
    return packed(dropped);
  }
  const text = new TextEncoder();
  return tarGz(
    Object.entries(written).map(([file, content]) => ({
      path: file,
      content: text.encode(file === "function.json" ? named(content, name) : content),
    })),
  );
}
