// What of a folder goes into a bundle, and what stays behind. Knows paths and sizes, not browsers.

/** Bytes that a bundle may have at most, as the server has it by default. */
export const LIMIT = 50 * 1024 * 1024;
/** Files that are taken at most: a folder with more is hardly a function's. */
export const MANY = 5_000;

/** Folders that are made by tools and have no place in a bundle. */
export const LEFT_OUT: ReadonlySet<string> = new Set([
  ".git",
  ".hg",
  ".svn",
  "node_modules",
  "__pycache__",
  ".venv",
  "venv",
  ".python",
  "target",
  ".pytest_cache",
  ".mypy_cache",
  ".idea",
  ".DS_Store",
]);

/** The first part of a path that stays behind; null when all of it is wanted. */
export function leftOut(path: string): string | null {
  const parts = path.split("/");
  const at = parts.findIndex((part) => LEFT_OUT.has(part));
  return at < 0 ? null : parts.slice(0, at + 1).join("/");
}

/** Something that was dropped or chosen; its path begins inside of the folder. */
export interface Found {
  path: string;
  size: number;
}

export interface Plan<T extends Found> {
  files: T[];
  bytes: number;
  /** What stays behind, each once. */
  left: string[];
  /** What the builder will see in it. */
  kind: string | null;
  /** Why it cannot be sent; null when it can. */
  fault: string | null;
}

/** What is sent of what was found; `skipped` was not even looked into. */
export function plan<T extends Found>(found: readonly T[], skipped: readonly string[] = []): Plan<T> {
  const left = new Set(skipped);
  const files: T[] = [];
  for (const file of found) {
    const out = leftOut(file.path);
    if (out === null) files.push(file);
    else left.add(out);
  }
  files.sort((a, b) => (a.path < b.path ? -1 : 1));
  const bytes = files.reduce((sum, { size }) => sum + size, 0);
  const fault =
    files.length === 0
      ? "There is no file in it."
      : files.length > MANY
        ? `${files.length.toLocaleString()} files; ${MANY.toLocaleString()} at most. Is this the function's own folder?`
        : // Compressed it may well fit, but twice the limit does not fit into the browser's memory comfortably either.
          bytes > 2 * LIMIT
          ? "It is larger than 100 MiB; what is sent may have 50 MiB, compressed."
          : null;
  return { files, bytes, left: [...left].sort(), kind: kindOf(files.map(({ path }) => path)), fault };
}

/** What the builder takes a folder for, from the files at its root; null when it will not know. */
export function kindOf(paths: readonly string[]): string | null {
  const has = (name: string) => paths.includes(name);
  if (has("function.json")) return "described by function.json";
  if (has("Dockerfile")) return "a Dockerfile: needs the Docker or Kubernetes executor";
  if (has("app.py")) return "Python: app.py";
  if (has("package.json") || has("index.js")) return "Node";
  if (paths.some((path) => /^[^/]+\.py$/.test(path))) return "Python";
  return null;
}

/** Paths without the one folder that all of them lie in. */
export function inside(paths: readonly string[]): { folder: string | null; paths: string[] } {
  const [first] = paths;
  const folder = first?.includes("/") ? first.slice(0, first.indexOf("/")) : null;
  if (folder === null || !paths.every((path) => path.startsWith(`${folder}/`)))
    return { folder: null, paths: [...paths] };
  return { folder, paths: paths.map((path) => path.slice(folder.length + 1)) };
}

/** Whether a file is an archive that is sent as it is. */
export function isArchive(name: string): boolean {
  return /\.(zip|tgz|tar\.gz)$/i.test(name);
}
