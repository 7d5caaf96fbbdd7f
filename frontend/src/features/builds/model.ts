// What is known of a build without asking anybody.

import type { BuildRowFragment } from "../../graphql/generated.ts";

/** How long a build took; null before it is over. */
export function tookOf(build: Pick<BuildRowFragment, "startedAt" | "finishedAt">): number | null {
  return build.startedAt && build.finishedAt
    ? new Date(build.finishedAt).getTime() - new Date(build.startedAt).getTime()
    : null;
}
