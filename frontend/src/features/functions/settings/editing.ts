// The props of every form in the settings.

import type { Manifest } from "./manifest.ts";

export interface Editing {
  manifest: Manifest;
  change: (manifest: Manifest) => void;
  readOnly: boolean;
  /** The violation of the schema at a path of the manifest. */
  fault: (path: string) => string | undefined;
}

/** When each secret of the namespace was set. */
export type Known = ReadonlyMap<string, string>;
