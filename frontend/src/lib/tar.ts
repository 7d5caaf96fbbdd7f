// Archives made in the browser: what the server takes as a bundle.

/** A file of an archive; the path has no leading slash. */
export interface Entry {
  path: string;
  content: Uint8Array;
}

const BLOCK = 512;
/** The longest path that a plain ustar header holds, in bytes. */
const MAX_PATH = 100;

/** A tar archive (ustar). Throws when a path is too long for it. */
export function tar(entries: readonly Entry[]): Uint8Array<ArrayBuffer> {
  const text = new TextEncoder();
  const size = entries.reduce((sum, { content }) => sum + BLOCK + Math.ceil(content.length / BLOCK) * BLOCK, 2 * BLOCK);
  const archive = new Uint8Array(size);
  let at = 0;
  for (const { path, content } of entries) {
    const name = text.encode(path);
    if (name.length > MAX_PATH)
      throw new Error(`the path ${path} is longer than ${MAX_PATH} bytes: upload a zip instead`);
    const header = archive.subarray(at, at + BLOCK);
    const octal = (offset: number, digits: number, value: number) =>
      header.set(text.encode(`${value.toString(8).padStart(digits - 1, "0")}\0`), offset);
    header.set(name, 0);
    octal(100, 8, 0o644);
    octal(108, 8, 0);
    octal(116, 8, 0);
    octal(124, 12, content.length);
    octal(136, 12, 0);
    header.fill(32, 148, 156);
    header.set(text.encode("0"), 156);
    header.set(text.encode("ustar\u000000"), 257);
    const sum = header.reduce((total, byte) => total + byte, 0);
    header.set(text.encode(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
    archive.set(content, at + BLOCK);
    at += BLOCK + Math.ceil(content.length / BLOCK) * BLOCK;
  }
  return archive;
}

/** The same, compressed. */
export async function tarGz(entries: readonly Entry[]): Promise<Blob> {
  const stream = new Blob([tar(entries)]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Blob([await new Response(stream).arrayBuffer()], { type: "application/gzip" });
}

/** Folders that are made by tools and have no place in a bundle. */
const LEFT_OUT = /(^|\/)(\.git|node_modules|__pycache__|\.venv|target)(\/|$)/;

/** The files of a chosen folder, by their paths inside of it. */
export async function entriesOf(
  files: readonly { webkitRelativePath: string; name: string; arrayBuffer(): Promise<ArrayBuffer> }[],
): Promise<Entry[]> {
  const kept = files
    .map((file) => ({ file, path: file.webkitRelativePath.split("/").slice(1).join("/") || file.name }))
    .filter(({ path }) => !LEFT_OUT.test(path));
  return Promise.all(kept.map(async ({ file, path }) => ({ path, content: new Uint8Array(await file.arrayBuffer()) })));
}
