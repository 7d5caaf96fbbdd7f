// The tabs of the settings.

export type Part = "triggers" | "variables" | "limits" | "source" | "json" | "danger";

export const PARTS: readonly (readonly [Part, string])[] = [
  ["triggers", "Triggers"],
  ["variables", "Variables and secrets"],
  ["limits", "Limits"],
  ["source", "Source"],
  ["json", "JSON"],
  ["danger", "Danger zone"],
];
