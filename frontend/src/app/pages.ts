// The code of a page, which comes when the page is first opened.

import { lazyRouteComponent as lazy } from "@tanstack/react-router";

/** The code could not be had. The router would answer its own error by loading the address anew, server or not. */
export class Unloaded extends Error {
  constructor(cause: unknown) {
    super("the code of this page could not be loaded", { cause });
    this.name = "Unloaded";
  }
}

/** A page whose code is loaded when it is needed. */
export function lazyRouteComponent<M extends Record<string, unknown>>(load: () => Promise<M>) {
  return lazy(() =>
    load().catch((cause: unknown) => {
      throw new Unloaded(cause);
    }),
  );
}
