// Conversion of a manifest to form values and back. Unknown parts are left unchanged.

/** function.json as an object; its contents are checked against the schema. */
export type Manifest = Readonly<Record<string, unknown>>;
export type Trigger = Readonly<Record<string, unknown>>;

export function isManifest(value: unknown): value is Manifest {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A part of a manifest that is an object, such as `scaling`. */
export function part(manifest: Manifest, name: string): Manifest {
  const value = manifest[name];
  return isManifest(value) ? value : {};
}

/** The manifest with a member of one of its parts set, or removed by undefined. */
export function withMember(manifest: Manifest, name: string, member: string, value: unknown): Manifest {
  const { [member]: _gone, ...rest } = part(manifest, name);
  return { ...manifest, [name]: value === undefined ? rest : { ...rest, [member]: value } };
}

export function triggersOf(manifest: Manifest): Trigger[] {
  return Array.isArray(manifest.triggers) ? manifest.triggers.filter(isManifest) : [{ type: "http" }];
}

/** A new trigger of a type, with its mandatory members. */
export function newTrigger(type: string): Trigger {
  switch (type) {
    case "event":
      return { type, pattern: "" };
    case "schedule":
      return { type, cron: "0 * * * *", timezone: "UTC" };
    case "webhook":
      return { type, name: "", scheme: "github", secret: "WEBHOOK_SECRET" };
    default:
      return { type };
  }
}

/** A trigger with a member set; undefined and empty values remove it. */
export function withField(trigger: Trigger, name: string, value: unknown): Trigger {
  const { [name]: _gone, ...rest } = trigger;
  return value === undefined || value === "" ? rest : { ...rest, [name]: value };
}

/** A name and a value, in a row of a form. */
export interface Row {
  key: number;
  name: string;
  value: string;
}

/** The rows for variables. */
export function rowsOf(object: Manifest): Row[] {
  return Object.entries(object).map(([name, value], key) => ({
    key,
    name,
    value: typeof value === "string" ? value : JSON.stringify(value),
  }));
}

/** The variables for rows; rows without a name are ignored. Of duplicate names the last one counts. */
export function objectOf(rows: readonly Row[]): Record<string, string> {
  return Object.fromEntries(rows.filter(({ name }) => name !== "").map(({ name, value }) => [name, value]));
}

/** The value of a filter condition: JSON if it parses (`3`, `true`), else the text itself. */
export function filterOf(rows: readonly Row[]): Record<string, unknown> {
  return Object.fromEntries(rows.filter(({ name }) => name !== "").map(({ name, value }) => [name, jsonOr(value)]));
}

function jsonOr(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

/** The rows for a filter; a text that would parse as something else keeps its quotes. */
export function filterRows(filter: unknown): Row[] {
  if (!isManifest(filter)) return [];
  return Object.entries(filter).map(([name, value], key) => ({
    key,
    name,
    value: typeof value === "string" && jsonOr(value) === value ? value : JSON.stringify(value),
  }));
}

/** Names that occur twice. */
export function twice(rows: readonly Row[]): ReadonlySet<string> {
  const seen = new Set<string>();
  const found = new Set<string>();
  for (const { name } of rows) {
    if (name !== "" && seen.has(name)) found.add(name);
    seen.add(name);
  }
  return found;
}

/** A list with an element set; undefined removes it. */
export function withItem<T>(list: readonly T[], index: number, item: T | undefined): T[] {
  return list.flatMap((one, at) => (at === index ? (item === undefined ? [] : [item]) : [one]));
}

/** The secrets that a manifest uses: as variables, and to authenticate webhooks. */
export function secretsOf(manifest: Manifest): { own: string[]; webhooks: string[] } {
  const own = Array.isArray(manifest.secrets) ? manifest.secrets.filter((name) => typeof name === "string") : [];
  const webhooks = triggersOf(manifest).flatMap(({ type, secret }) =>
    type === "webhook" && typeof secret === "string" ? [secret] : [],
  );
  return { own, webhooks: [...new Set(webhooks)].filter((name) => !own.includes(name)) };
}

/** Objects without defaults for their members: an additional member makes a different function. */
const EXACT = new Set(["env", "filter"]);

function same(one: unknown, other: unknown): boolean {
  return within(one, other) && within(other, one);
}

/** Whether one value contains everything in another, apart from defaults that were filled in. */
export function within(some: unknown, all: unknown): boolean {
  if (Array.isArray(some)) {
    return Array.isArray(all) && some.length === all.length && some.every((one, at) => within(one, all[at]));
  }
  if (isManifest(some)) {
    return (
      isManifest(all) &&
      Object.entries(some).every(([name, value]) => {
        if (name in all) return EXACT.has(name) ? same(value, all[name]) : within(value, all[name]);
        // An empty value is equivalent to an absent one.
        return value === null || (isManifest(value) && Object.keys(value).length === 0) || name === "$schema";
      })
    );
  }
  return some === all;
}

/** Valid names of secrets and variables. */
export function variableFault(name: string): string | null {
  if (name === "") return null;
  if (name.length > 128) return "128 characters at most";
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) ? null : "Letters, digits and underscores, no digit first";
}

/** The items of a typed list, separated by commas, spaces or lines. */
export function listOf(text: string): string[] {
  return text.split(/[\s,]+/).filter((item) => item !== "");
}

/** An http trigger with its CORS settings; without origins they are removed. */
export function withCors(trigger: Trigger, member: string, value: unknown): Trigger {
  const next = withMember(trigger, "cors", member, value);
  const { origins } = part(next, "cors");
  return Array.isArray(origins) && origins.length > 0 ? next : withField(trigger, "cors", undefined);
}
