// Lazy loading of pages.

import { lazyRouteComponent as lazy } from "@tanstack/react-router";

/**
 * The code could not be loaded. Without this, the router would reload the address, whether or not the server answers.
 */
export class Unloaded extends Error {
  constructor(cause: unknown) {
    super("the code of this page could not be loaded", { cause });
    this.name = "Unloaded";
  }
}

/** A page whose code is loaded when it is first needed. */
export function lazyRouteComponent<M extends Record<string, unknown>>(load: () => Promise<M>) {
  return lazy(() =>
    load().catch((cause: unknown) => {
      throw new Unloaded(cause);
    }),
  );
}
