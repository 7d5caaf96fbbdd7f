// The default namespace, as the server announces it after sign-in: from its settings or a proxy's header.

let own = "default";

/** Sets it for the session. */
export function setOwn(namespace: string) {
  own = namespace;
}

/** Whether a namespace can be omitted, because it is the default. */
export function isOwn(namespace: string): boolean {
  return namespace === own;
}

/** The name of a function in lists with several namespaces: two functions may have the same name. */
export function shownName({ name, namespace }: { name: string; namespace: string }): string {
  return isOwn(namespace) ? name : `${namespace}/${name}`;
}

/** The initial value of a namespace field for somebody who sees these namespaces; null means all. */
export function preset(seen: readonly string[] | null): string {
  return seen === null || seen.includes(own) ? own : (seen[0] ?? own);
}
