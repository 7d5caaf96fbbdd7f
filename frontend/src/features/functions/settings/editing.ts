// What every form of the settings gets.

import type { Manifest } from "./manifest.ts";

export interface Editing {
  manifest: Manifest;
  change: (manifest: Manifest) => void;
  readOnly: boolean;
  /** What does not fit at a path of the manifest. */
  fault: (path: string) => string | undefined;
}

/** When each secret of the namespace was set. */
export type Known = ReadonlyMap<string, string>;
