// The model of trigger events: types, patterns, and publishing.

import { dataFor, typeFor } from "../../lib/sample.ts";

/** Whether a text is a pattern and not just a type. */
export function isPattern(text: string): boolean {
  return text.includes("*");
}

/** What is wrong with a type or a pattern to search for; null if nothing is. */
export function patternFault(text: string): string | null {
  const segments = text.split(".");
  if (text === "") return null;
  if (segments.some((segment) => segment === "")) return "A part between dots is empty: write file.uploaded";
  if (segments.slice(0, -1).includes("**")) return "** stands for the rest and must come last";
  if (segments.some((segment) => segment.includes("*") && segment !== "*" && segment !== "**"))
    return "* stands for one whole part: write file.*, not file.up*";
  return null;
}

/** What is wrong with a type to publish; null if nothing is. */
export function typeFault(text: string): string | null {
  const type = text.trim();
  if (type === "") return "An event needs a type";
  if (isPattern(type)) return "A type has no *: that is for those who wait for it";
  if (/\s/.test(type)) return "A type has no spaces";
  if (type.length > 200) return "A type has at most 200 characters here";
  return patternFault(type);
}

/** Maximum size of an event, in bytes. */
export const LIMIT = 256 * 1024;

/** What is wrong with the data of an event; null if nothing is. */
export function dataFault(text: string): string | null {
  if (text.trim() === "") return null;
  try {
    JSON.parse(text);
  } catch (error) {
    return (error as Error).message;
  }
  const size = new TextEncoder().encode(text).length;
  return size > LIMIT ? `${Math.ceil(size / 1024)} KiB is more than the 256 KiB that an event may have` : null;
}

export interface Template {
  /** The name in the list. */
  label: string;
  type: string;
  data: unknown;
  namespace?: string;
}

const KNOWN: Template[] = [
  {
    label: "user.registered",
    type: "user.registered",
    data: { id: "u-1", email: "ada@example.com", name: "Ada Lovelace" },
  },
  {
    label: "file.uploaded",
    type: "file.uploaded",
    data: { bucket: "photos", key: "cat.png", kind: "image", size: 48213 },
  },
];

/** How many functions listen to a type, with the names of some of them. */
export function waitingWords(names: readonly string[], total: number): string {
  if (total === 0)
    return "No running function of this namespace has a trigger for this type. The event is accepted anyway.";
  const more = total - names.length;
  const listed = more > 0 ? `${names.join(", ")} and ${more.toLocaleString("en")} more` : names.join(", ");
  const [have, their] = total === 1 ? ["has", "its"] : ["have", "their"];
  return `${listed} ${have} a trigger for this type; ${their} filters are checked when the event comes in.`;
}

/** The number of functions that an event reached. */
export function reachedWords(totals: { reached: number; functions: number; settled: boolean }): string {
  const { reached, functions, settled } = totals;
  const all = `${functions.toLocaleString("en")} ${functions === 1 ? "function" : "functions"} of its namespace`;
  const number = reached.toLocaleString("en");
  if (!settled) return `It has reached ${reached === 0 ? "none" : number} of ${all} so far.`;
  if (reached === 0) return `It reached none of the ${all}. The reason is next to each.`;
  return `It reached ${number} of ${all}.`;
}

interface Waiting {
  name: string;
  namespace: string;
  triggers: readonly { type: string; pattern: string | null; filter: unknown }[];
}

/** Templates: common types, and those that existing functions listen to. */
export function templates(functions: readonly Waiting[]): Template[] {
  const all = [...KNOWN];
  for (const one of functions) {
    for (const { type, pattern, filter } of one.triggers) {
      if (type !== "event" || pattern === null) continue;
      const label = `${pattern} for ${one.name}`;
      if (all.some((other) => other.label === label && other.namespace === one.namespace)) continue;
      all.push({ label, type: typeFor(pattern), data: dataFor(filter), namespace: one.namespace });
    }
  }
  return all;
}
