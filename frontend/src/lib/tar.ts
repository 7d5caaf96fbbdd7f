// Creates archives in the browser, for upload as a bundle.

/** A file of an archive; the path has no leading slash. */
export interface Entry {
  path: string;
  content: Uint8Array;
}

const BLOCK = 512;
/** The maximum lengths of a path's last part and of its prefix in a ustar header, in bytes. */
const MAX_NAME = 100;
const MAX_PREFIX = 155;

/** A path in the form of a ustar header: a long one is split at a slash. Null if it does not fit. */
function cut(path: string): { prefix: Uint8Array; name: Uint8Array } | null {
  const text = new TextEncoder();
  const whole = text.encode(path);
  if (whole.length <= MAX_NAME) return { prefix: new Uint8Array(), name: whole };
  for (let at = path.lastIndexOf("/"); at > 0; at = path.lastIndexOf("/", at - 1)) {
    const prefix = text.encode(path.slice(0, at));
    const name = text.encode(path.slice(at + 1));
    if (name.length > MAX_NAME) return null;
    if (prefix.length <= MAX_PREFIX) return { prefix, name };
  }
  return null;
}

/** Whether a file is a program. Browsers do not tell, so its first bytes have to (`#!`, or an ELF header). */
function executable(content: Uint8Array): boolean {
  return (content[0] === 0x23 && content[1] === 0x21) || (content[0] === 0x7f && content[1] === 0x45);
}

/** A tar archive (ustar). Throws if a path is too long for it. */
export function tar(entries: readonly Entry[]): Uint8Array<ArrayBuffer> {
  const text = new TextEncoder();
  const size = entries.reduce((sum, { content }) => sum + BLOCK + Math.ceil(content.length / BLOCK) * BLOCK, 2 * BLOCK);
  const archive = new Uint8Array(size);
  let at = 0;
  for (const { path, content } of entries) {
    const fitting = cut(path);
    if (!fitting) throw new Error(`the path ${path} is too long for a tar archive: upload a zip instead`);
    const header = archive.subarray(at, at + BLOCK);
    const octal = (offset: number, digits: number, value: number) =>
      header.set(text.encode(`${value.toString(8).padStart(digits - 1, "0")}\0`), offset);
    header.set(fitting.name, 0);
    header.set(fitting.prefix, 345);
    octal(100, 8, executable(content) ? 0o755 : 0o644);
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
