// What a tab remembers of whoever is signed in, outside of what the API's client keeps.

/** How names in the storage of a tab begin that belong to one person. */
export const DRAFT = "eventflow:draft:";
const OWNER = "eventflow:owner";

/** What else forgets when somebody else comes. */
const forgetting = new Set<() => void>();

/** Calls `then` when somebody else signs in, for what else must be forgotten. */
export function onNewOwner(then: () => void) {
  forgetting.add(then);
}

let owner: string | undefined;

/** Says who is signed in now. When it was somebody else before, what they typed and got is forgotten. */
export function setOwner(name: string, storage: () => Storage = () => sessionStorage) {
  if (owner === name) return;
  let before = owner;
  owner = name;
  try {
    const kept = storage();
    before ??= kept.getItem(OWNER) ?? name;
    kept.setItem(OWNER, name);
    if (before !== name)
      for (const key of Array.from({ length: kept.length }, (_, index) => kept.key(index)))
        if (key?.startsWith(DRAFT)) kept.removeItem(key);
  } catch {
    // A browser that keeps nothing has nothing to forget.
  }
  if (before !== undefined && before !== name) for (const then of forgetting) then();
}
