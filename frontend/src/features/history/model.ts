// The model of a function's history: records in words, and past states compared with the current one.

import type { FunctionThenQuery, RecordFragment } from "../../graphql/generated.ts";
import { member } from "../../lib/json.ts";
import { describeSource, recordedSource } from "../../lib/source.ts";
import { bytes, short } from "../../lib/time.ts";

type LogRecord = Pick<RecordFragment, "type" | "data">;

function words(value: unknown): string | undefined {
  if (typeof value === "string") return value === "" ? undefined : value;
  return typeof value === "number" ? String(value) : undefined;
}

function from(data: unknown): string {
  const source = recordedSource(data);
  return source === undefined ? "" : ` from ${source}`;
}

/** What happened, as a sentence; an unknown type is shown by its name. */
export function sentence({ type, data }: LogRecord): string {
  const version = words(member(data, "version"));
  const why = words(member(data, "reason") ?? member(data, "error") ?? member(data, "failure", "error"));
  const because = why ? `: ${why}` : "";
  const of = version ? ` of version ${version}` : "";
  switch (type) {
    case "Registered":
      return `Registered${from(data)}`;
    case "Updated":
      return `Changed for the next build: its code comes${from(data)}${member(data, "manifest") ? ", with its own manifest" : ""}`;
    case "BuildRequested":
      return `Build asked for${from(data)}`;
    case "BuildStarted": {
      const node = words(member(data, "node"));
      return `Build began${node ? ` on ${node}` : ""}`;
    }
    case "BuildSucceeded": {
      const commit = words(member(data, "commit"));
      // Records from before image versions have the size beside the commit.
      const size = member(data, "made", "size") ?? member(data, "size");
      const more = [commit && `commit ${short(commit)}`, typeof size === "number" && bytes(size)].filter(Boolean);
      return `Build made version ${version ?? "?"}${more.length > 0 ? ` (${more.join(", ")})` : ""}`;
    }
    case "BuildFailed":
      return `Build failed${because}`;
    case "BuildCancelled":
      return "Build cancelled";
    case "Started":
      return version ? `Started with version ${version}` : "Started";
    case "Stopped":
      return `Stopped${because}`;
    case "VersionPromoted": {
      const previous = words(member(data, "previous"));
      if (previous && version && Number(version) < Number(previous))
        return `Rolled back from version ${previous} to version ${version}${because}`;
      return `Version ${version ?? "?"} took over${previous ? ` from version ${previous}` : ""}${because}`;
    }
    case "TrafficShifted": {
      const split = member(data, "split");
      const parts = Array.isArray(split)
        ? split.map((one) => `version ${words(member(one, "version"))} ${words(member(one, "percent"))} %`)
        : [];
      return parts.length > 0 ? `Calls are split: ${parts.join(", ")}` : "Calls are split differently";
    }
    case "InstanceFailed":
      return `An instance${of} failed${because}`;
    case "InstanceRecovered":
      return `Instances${of} answer again`;
    case "Deferred":
      return `Cannot be given to its function yet${because}`;
    case "Deregistered":
      return "Deregistered permanently";
    default:
      return `${type}${because}`;
  }
}

/** Who caused it, by name. */
export function who(actor: string | null): string {
  if (!actor) return "unknown";
  const [kind, ...rest] = actor.split(":");
  const name = rest.join(":");
  if (!name) return actor;
  if (kind === "user") return name;
  if (kind === "token") return `the token ${name}`;
  return kind === "server" ? `the server ${name}` : actor;
}

/** Whether the record's type denotes a failure. */
export function bad(type: string): boolean {
  return /Failed|TimedOut|DeadLettered/.test(type);
}

/** The latest record at a position; none before the first. */
export function newestAt<T extends { position: number }>(records: readonly T[], position: number): T | undefined {
  return records.findLast((record) => record.position <= position);
}

/** Merges records by position, without duplicates; returns the same array if nothing is new. */
export function joined<T extends { position: number }>(now: readonly T[], others: readonly T[]): readonly T[] {
  const known = new Set(now.map((record) => record.position));
  const added = others.filter((record) => !known.has(record.position));
  return added.length === 0 ? now : [...now, ...added].sort((a, b) => a.position - b.position);
}

/** The maximum of the slider. */
export const END = 1000;

/**
 * Where on the slider records stand, from 0 to 1000: a longer time between two takes more room, and none takes so
 * little that the two cannot be distinguished.
 */
export function placesOf(records: readonly { at: string }[]): number[] {
  const ways = records.map((record, index) => {
    const before = records[index - 1];
    if (!before) return 0;
    return 1 + Math.log1p(Math.max(0, new Date(record.at).getTime() - new Date(before.at).getTime()) / 1000);
  });
  const all = ways.reduce((sum, way) => sum + way, 0);
  let at = 0;
  return ways.map((way) => {
    at += way;
    return all === 0 ? 0 : Math.round((100 * END * at) / all) / 100;
  });
}

/** The index of the record nearest to a position of the slider. */
export function nearest(places: readonly number[], at: number): number {
  let best = 0;
  for (const [index, place] of places.entries())
    if (Math.abs(place - at) < Math.abs((places[best] ?? 0) - at)) best = index;
  return best;
}

type Then = NonNullable<FunctionThenQuery["function"]>;

/** Triggers in a few words. */
export function triggersOf(of: Pick<Then, "triggers">): string[] {
  return of.triggers.map((one) => `${one.type} ${one.pattern ?? one.cron ?? one.name ?? ""}`.trim());
}

/** Variables of a manifest in a few words; secrets by name only. */
export function variablesOf(manifest: unknown): string {
  if (typeof manifest !== "object" || manifest === null) return "none";
  const { env, secrets } = manifest as { env?: unknown; secrets?: unknown };
  const variables = typeof env === "object" && env !== null ? Object.entries(env) : [];
  const named = Array.isArray(secrets) ? secrets.filter((name) => typeof name === "string") : [];
  return (
    [...variables.map(([name, value]) => `${name}=${String(value)}`), ...named.map((name) => `${name} (secret)`)].join(
      ", ",
    ) || "none"
  );
}

/** The facts of a function at a time, by name, most important first. */
export function factsOf(of: Then): [string, string][] {
  const newest = of.builds.nodes[0];
  return [
    ["State", of.state.toLowerCase()],
    ["Why", of.stateReason ?? "–"],
    ["Version that answers", of.currentVersion ? `v${of.currentVersion.number}` : "none"],
    ["Commit", of.currentVersion?.commit ? short(of.currentVersion.commit) : "–"],
    ["Source", describeSource(of.source)],
    ["Runtime", of.currentVersion ? `${of.runtime}, ${of.mode.toLowerCase()}` : "not built yet"],
    ["Triggers", triggersOf(of).join(", ") || "none"],
    ["Variables", variablesOf(of.currentVersion?.manifest)],
    ["Versions", of.versions.nodes.map((version) => `v${version.number}`).join(", ") || "none"],
    ["Newest build", newest ? newest.state.toLowerCase() : "none"],
  ];
}

/** The facts at that time, with the current ones where they differ. */
export function compared(then: Then, now: Then | null): { name: string; was: string; is: string | undefined }[] {
  const today = new Map(now ? factsOf(now) : []);
  return factsOf(then).map(([name, value]) => {
    const is = today.get(name);
    return { name, was: value, is: is === undefined || is === value ? undefined : is };
  });
}
