// The source of a new function, as its form represents it.

import type { SourceInput } from "../../../graphql/generated.ts";
import { wordsOf } from "../../../lib/image.ts";
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
  /** What the image does not say itself; empty otherwise. */
  port: string;
  health: string;
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
  port: "",
  health: "",
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

/** What is wrong with a port that was typed; undefined if nothing is. */
export function portFault(port: string): string | undefined {
  const fits = port.trim() === "" || (/^\d+$/.test(port.trim()) && Number(port) >= 1 && Number(port) <= 65_535);
  return fits ? undefined : "A number from 1 to 65535";
}

/** What is wrong with the path of a health check that was typed; undefined if nothing is. */
export function healthFault(health: string): string | undefined {
  return health.trim() === "" || health.trim().startsWith("/") ? undefined : "A path, such as /healthz";
}

/** What is wrong with a command that was typed; undefined if nothing is. */
export function commandFault(command: string): string | undefined {
  return wordsOf(command) === null ? "A quote is not closed" : undefined;
}

/** The manifest that the form makes beside the source, if it says more than that. */
export function manifestOf(from: From, { port, health }: Code): Record<string, unknown> | null {
  if (from !== "image" || (port.trim() === "" && health.trim() === "")) return null;
  return {
    runtime: "docker",
    ...(port.trim() !== "" && { port: Number(port) }),
    ...(health.trim() !== "" && { health: health.trim() }),
  };
}

/** Whether the source cannot be sent as it is. */
export function codeFault(from: From, { written, dropped, command, port, health }: Code): boolean {
  if (from === "image") return [commandFault(command), portFault(port), healthFault(health)].some(Boolean);
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
    const words = wordsOf(code.command) ?? [];
    return { image: { image: code.image.trim(), command: words.length === 0 ? null : words } };
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
