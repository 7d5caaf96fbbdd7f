// The props of the trigger forms.

import type { FunctionTriggersFragment } from "../../../../graphql/generated.ts";
import type { Editing, Known } from "../editing.ts";
import type { Trigger } from "../manifest.ts";

export type Live = FunctionTriggersFragment["triggers"][number];

export interface TriggerProps extends Editing {
  trigger: Trigger;
  /** Its path in the manifest. */
  at: string;
  set: (next: Trigger | undefined) => void;
  live: readonly Live[];
  known: Known;
  namespace: string;
  name: string;
  mayWrite: boolean;
}

/** A member of a trigger, as a field shows it. */
export const textOf = (value: unknown) => (typeof value === "string" ? value : "");
