// The log's records as people read them.

import type { RecordFragment } from "../../graphql/generated.ts";

type Told = Pick<RecordFragment, "type" | "data">;

function member(data: unknown, name: string): unknown {
  return typeof data === "object" && data !== null ? (data as Record<string, unknown>)[name] : undefined;
}

/** What happened, in a few words; what is not known by name is told by its name. */
export function sentence({ type, data }: Told): string {
  const version = member(data, "version");
  const why = member(data, "reason") ?? member(data, "error");
  const because = typeof why === "string" && why !== "" ? `: ${why}` : "";
  switch (type) {
    case "Registered":
      return "Registered";
    case "Updated":
      return "Source or manifest changed";
    case "BuildRequested":
      return "Build asked for";
    case "BuildStarted":
      return "Build began";
    case "BuildSucceeded":
      return `Build made version ${String(version)}`;
    case "BuildFailed":
      return `Build failed${because}`;
    case "BuildCancelled":
      return "Build cancelled";
    case "Started":
      return version === undefined ? "Started" : `Started with version ${String(version)}`;
    case "Stopped":
      return `Stopped${because}`;
    case "VersionPromoted":
      return `Version ${String(version)} took over${because}`;
    case "TrafficShifted":
      return "Traffic shifted";
    case "InstanceFailed":
      return `An instance failed${because}`;
    case "Deregistered":
      return "Deregistered";
    default:
      return `${type}${because}`;
  }
}

/** Whether a record tells of something that went wrong. */
export function bad(type: string): boolean {
  return /Failed|TimedOut|DeadLettered/.test(type);
}

/** The record that was the newest at a position; none before the first. */
export function newestAt<T extends { position: number }>(records: readonly T[], position: number): T | undefined {
  return records.findLast((record) => record.position <= position);
}
