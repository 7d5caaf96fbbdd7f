// Data of the signed-in user that a tab stores outside the API client's cache.

/** The prefix of names in the tab's storage that belong to one user. */
export const DRAFT = "eventflow:draft:";
const OWNER = "eventflow:owner";

/** Functions that clear other data when another user signs in. */
const forgetting = new Set<() => void>();

/** Registers a function to be called when another user signs in, to clear other data. */
export function onNewOwner(then: () => void) {
  forgetting.add(then);
}

let owner: string | undefined;

/** Sets who is signed in now. If it was somebody else before, everything they typed and received is cleared. */
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
    // Without storage there is nothing to clear.
  }
  if (before !== undefined && before !== name) for (const then of forgetting) then();
}
