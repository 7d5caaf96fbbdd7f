// The model of a build: the durations of its phases, and the changes since the previous version.

import type { BuildRowFragment, RecordFragment } from "../../graphql/generated.ts";
import { member } from "../../lib/json.ts";
import type { Line } from "../../lib/lines.ts";
import { recordedSource } from "../../lib/source.ts";

type Build = Pick<BuildRowFragment, "state" | "requestedAt" | "startedAt" | "finishedAt">;

/** The duration of a build; null before its end. */
export function tookOf(build: Pick<BuildRowFragment, "startedAt" | "finishedAt">): number | null {
  return build.startedAt && build.finishedAt
    ? new Date(build.finishedAt).getTime() - new Date(build.startedAt).getTime()
    : null;
}

/** A phase of a build. */
export interface Phase {
  name: string;
  kind: "waiting" | "working";
  /** Milliseconds since the epoch. */
  from: number;
  to: number;
  open: boolean;
}

/** The log lines that begin a phase. */
const BEGINS: [RegExp, (match: RegExpExecArray) => string, Phase["kind"]][] = [
  [/^Waiting for another build/, () => "Waits for another build to end", "waiting"],
  [/^Building /, () => "Prepare", "working"],
  [/^Fetching |: looking for the commit/, () => "Fetch the source", "working"],
  [/^Unpacking bundle/, () => "Unpack the bundle", "working"],
  [/^Took commit/, () => "Read the manifest", "working"],
  [/^Restored /, () => "Restore dependencies from the cache", "working"],
  [/^Pulling /, () => "Pull the image", "working"],
  [/^Starting it once/, () => "Start it once", "working"],
  // A command is shown by its name; the log has the rest.
  [/^\$ (\S+(?: [^-\s]\S*)?)/, (match) => `Run ${match[1]}`, "working"],
];

/** The commit that a build took, from its log: a build that made no version records it nowhere else. */
export function tookCommit(lines: readonly Pick<Line, "stream" | "text">[]): string | undefined {
  for (const line of lines) {
    const match = line.stream === "SYSTEM" ? /^Took commit ([0-9a-f]{7,64})$/.exec(line.text) : null;
    if (match) return match[1];
  }
  return undefined;
}

/** A name short enough to fit beside a bar. */
const NAME = 60;
/** Shorter phases are not worth showing, in milliseconds. */
const NOTHING = 1;

/** The phases of a build, from its own times and its log. */
export function phasesOf(build: Build, lines: readonly Pick<Line, "stream" | "text" | "at">[], now: number): Phase[] {
  const time = (at: string | null | undefined) => (at ? new Date(at).getTime() : undefined);
  const asked = time(build.requestedAt) ?? now;
  const began = time(build.startedAt);
  const over = time(build.finishedAt);
  const end = over ?? Math.max(now, asked);
  const phases: Phase[] = [
    { name: "Waits for a server", kind: "waiting", from: asked, to: began ?? end, open: !began && !over },
  ];
  if (began === undefined) return phases;
  let open: Phase = { name: "Prepare", kind: "working", from: began, to: end, open: over === undefined };
  const close = (at: number) => {
    open.to = Math.max(open.from, Math.min(at, end));
    open.open = false;
    if (open.to - open.from > NOTHING) phases.push(open);
  };
  for (const line of lines) {
    if (line.stream !== "SYSTEM") continue;
    for (const [pattern, name, kind] of BEGINS) {
      const match = pattern.exec(line.text);
      if (!match) continue;
      const at = time(line.at) ?? open.from;
      const called = name(match);
      if (called === open.name) break;
      close(at);
      open = { name: called.slice(0, NAME), kind, from: Math.max(at, open.from), to: end, open: over === undefined };
      break;
    }
  }
  if (over === undefined) phases.push(open);
  else close(over);
  // Everything was over at once.
  if (phases.length === 1 && over !== undefined)
    phases.push({ name: "Build", kind: "working", from: began, to: over, open: false });
  return phases;
}

/** Maximum number of paths listed. */
const MOST_PATHS = 20;

/** The paths at which two JSON values differ. */
export function paths(a: unknown, b: unknown, at = ""): string[] {
  if (JSON.stringify(a) === JSON.stringify(b)) return [];
  const plainly = (value: unknown): value is Record<string, unknown> =>
    typeof value === "object" && value !== null && !Array.isArray(value);
  if (!plainly(a) || !plainly(b)) return [at || "all of it"];
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])].sort();
  return names.flatMap((name) => paths(a[name], b[name], at ? `${at}.${name}` : name)).slice(0, MOST_PATHS);
}

/** What changed in a build since the version before it. */
export interface Changes {
  /** The previous version; undefined for the first one. */
  before: number | undefined;
  after: number | undefined;
  commit: [string | undefined, string | undefined];
  /** The digests, before and after, of versions that are images. */
  image: [string | undefined, string | undefined];
  /** The source, before and after; undefined if it is the same. */
  source: [string, string] | undefined;
  /** Where the manifests differ; undefined if one of them is not known. */
  manifest: string[] | undefined;
}

type LogRecord = Pick<RecordFragment, "type" | "data" | "position">;

const text = (value: unknown) => (typeof value === "string" ? value : undefined);
const number = (value: unknown) => (typeof value === "number" ? value : undefined);

/** The digest of the image that a build made, if it made one. */
function imageOf(data: unknown): string | undefined {
  const made = member(data, "made");
  return member(made, "type") === "image" ? text(member(made, "digest")) : undefined;
}

/** What changed with a build, from the records of its function; undefined if they do not contain it. */
export function changesOf(build: string, records: readonly LogRecord[]): Changes | undefined {
  const of = (type: string, id: unknown) =>
    records.find((record) => record.type === type && member(record.data, "build") === id);
  const asked = of("BuildRequested", build);
  if (!asked) return undefined;
  const made = of("BuildSucceeded", build);
  const last = records.findLast((record) => record.type === "BuildSucceeded" && record.position < asked.position);
  const before = recordedSource(of("BuildRequested", member(last?.data, "build"))?.data);
  const after = recordedSource(asked.data);
  return {
    before: number(member(last?.data, "version")),
    after: number(member(made?.data, "version")),
    commit: [text(member(last?.data, "commit")), text(member(made?.data, "commit"))],
    image: [imageOf(last?.data), imageOf(made?.data)],
    source: before !== undefined && after !== undefined && before !== after ? [before, after] : undefined,
    manifest: last && made ? paths(member(last.data, "manifest"), member(made.data, "manifest")) : undefined,
  };
}
