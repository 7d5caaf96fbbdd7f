// A manifest as forms edit it, and back. Everything here leaves alone what it does not know.

/** function.json as an object; what is in it is checked against the schema. */
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

/** The manifest with a member of one of its parts set, or taken out by undefined. */
export function withMember(manifest: Manifest, name: string, member: string, value: unknown): Manifest {
  const { [member]: _gone, ...rest } = part(manifest, name);
  return { ...manifest, [name]: value === undefined ? rest : { ...rest, [member]: value } };
}

export function triggersOf(manifest: Manifest): Trigger[] {
  return Array.isArray(manifest.triggers) ? manifest.triggers.filter(isManifest) : [{ type: "http" }];
}

/** A new trigger of a type, with what it cannot do without. */
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

/** A trigger with a member set; undefined and nothing at all take it out. */
export function withField(trigger: Trigger, name: string, value: unknown): Trigger {
  const { [name]: _gone, ...rest } = trigger;
  return value === undefined || value === "" ? rest : { ...rest, [name]: value };
}

/** A name and what it stands for, in a row of a form. */
export interface Row {
  key: number;
  name: string;
  value: string;
}

/** Rows of variables. */
export function rowsOf(object: Manifest): Row[] {
  return Object.entries(object).map(([name, value], key) => ({
    key,
    name,
    value: typeof value === "string" ? value : JSON.stringify(value),
  }));
}

/** Variables of rows; rows without a name are not there yet. The last of two with one name counts. */
export function objectOf(rows: readonly Row[]): Record<string, string> {
  return Object.fromEntries(rows.filter(({ name }) => name !== "").map(({ name, value }) => [name, value]));
}

/** What a filter wants of a value: JSON where it is JSON (`3`, `true`), else the text itself. */
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

/** Rows of a filter; a text that would be read as something else keeps its quotes. */
export function filterRows(filter: unknown): Row[] {
  if (!isManifest(filter)) return [];
  return Object.entries(filter).map(([name, value], key) => ({
    key,
    name,
    value: typeof value === "string" && jsonOr(value) === value ? value : JSON.stringify(value),
  }));
}

/** Names that stand twice. */
export function twice(rows: readonly Row[]): ReadonlySet<string> {
  const seen = new Set<string>();
  const found = new Set<string>();
  for (const { name } of rows) {
    if (name !== "" && seen.has(name)) found.add(name);
    seen.add(name);
  }
  return found;
}

/** A list with something at a place set; undefined takes it out. */
export function withItem<T>(list: readonly T[], index: number, item: T | undefined): T[] {
  return list.flatMap((one, at) => (at === index ? (item === undefined ? [] : [item]) : [one]));
}

/** The secrets that a manifest names: for itself, and to prove webhooks with. */
export function secretsOf(manifest: Manifest): { own: string[]; webhooks: string[] } {
  const own = Array.isArray(manifest.secrets) ? manifest.secrets.filter((name) => typeof name === "string") : [];
  const webhooks = triggersOf(manifest).flatMap(({ type, secret }) =>
    type === "webhook" && typeof secret === "string" ? [secret] : [],
  );
  return { own, webhooks: [...new Set(webhooks)].filter((name) => !own.includes(name)) };
}

/** Objects whose members nobody fills in: one more in them is another function. */
const EXACT = new Set(["env", "filter"]);

function same(one: unknown, other: unknown): boolean {
  return within(one, other) && within(other, one);
}

/** Whether all that one value says is said by another, too: defaults that were filled in do not count. */
export function within(some: unknown, all: unknown): boolean {
  if (Array.isArray(some)) {
    return Array.isArray(all) && some.length === all.length && some.every((one, at) => within(one, all[at]));
  }
  if (isManifest(some)) {
    return (
      isManifest(all) &&
      Object.entries(some).every(([name, value]) => {
        if (name in all) return EXACT.has(name) ? same(value, all[name]) : within(value, all[name]);
        // What says nothing is the same as what is not there.
        return value === null || (isManifest(value) && Object.keys(value).length === 0) || name === "$schema";
      })
    );
  }
  return some === all;
}

/** A name that a secret, or a variable, may have. */
export function variableFault(name: string): string | null {
  if (name === "") return null;
  if (name.length > 128) return "128 characters at most";
  return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) ? null : "Letters, digits and underscores, no digit first";
}

/** The items of a list that somebody wrote, separated by commas, spaces or lines. */
export function listOf(text: string): string[] {
  return text.split(/[\s,]+/).filter((item) => item !== "");
}

/** An http trigger with what it says about pages of other origins; without origins it says nothing about them. */
export function withCors(trigger: Trigger, member: string, value: unknown): Trigger {
  const next = withMember(trigger, "cors", member, value);
  const { origins } = part(next, "cors");
  return Array.isArray(origins) && origins.length > 0 ? next : withField(trigger, "cors", undefined);
}
