// A value outside React that components can subscribe to.

import { useSyncExternalStore } from "react";

/** Holds one value and calls its listeners when it changes. */
export class Store<T> {
  #value: T;
  readonly #listeners = new Set<() => void>();

  constructor(value: T) {
    this.#value = value;
  }

  readonly get = (): T => this.#value;

  readonly set = (value: T) => {
    if (Object.is(value, this.#value)) return;
    this.#value = value;
    for (const listener of this.#listeners) listener();
  };

  readonly update = (change: (value: T) => T) => this.set(change(this.#value));

  readonly listen = (listener: () => void) => {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  };
}

/** The current value of a store, updated when it changes. */
export function useStore<T>(store: Store<T>): T {
  return useSyncExternalStore(store.listen, store.get);
}
