// Who may call a function, from which pages and at which paths, in words. Knows no screens.

import type { FunctionTriggersFragment } from "../../../graphql/generated.ts";

type Trigger = FunctionTriggersFragment["triggers"][number];

/** The cross-origin pages that may call; undefined if none may. */
export function pages(cors: Trigger["cors"]): string | undefined {
  if (!cors || cors.origins.length === 0) return undefined;
  const whose = cors.origins.includes("*") ? "Pages of every origin" : `Pages of ${cors.origins.join(", ")}`;
  return `${whose} may call it: ${cors.methods.join(", ")}${cors.credentials ? ", with cookies" : ""}`;
}

/** The paths of a trigger for display: `/shop and all below it`. */
export function paths(path: string): string {
  return path.endsWith("/*") ? `${path.slice(0, -2)} and all below it` : path;
}
