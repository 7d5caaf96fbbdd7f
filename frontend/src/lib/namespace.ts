// The namespace of what names none, as the server says when somebody has signed in: its setting, or a proxy's header.

let own = "default";

/** Remembers which one it is, for as long as somebody is signed in. */
export function setOwn(namespace: string) {
  own = namespace;
}

/** Whether a namespace need not be named: what stands in it is shown by its name alone. */
export function isOwn(namespace: string): boolean {
  return namespace === own;
}

/** The name of a function where those of other namespaces may stand beside it: two may have the same name. */
export function shownName({ name, namespace }: { name: string; namespace: string }): string {
  return isOwn(namespace) ? name : `${namespace}/${name}`;
}

/** What a field for a namespace begins with, for somebody who sees these namespaces; null: all. */
export function preset(seen: readonly string[] | null): string {
  return seen === null || seen.includes(own) ? own : (seen[0] ?? own);
}
