// The signed-in user and information about the server. Everything below the gate can rely on it.

import { createContext, type ReactNode, useContext } from "react";
import type { ViewerQuery } from "../../graphql/generated.ts";
import { setOwn } from "../../lib/namespace.ts";
import { Store } from "../../lib/store.ts";

export type Viewer = ViewerQuery["viewer"];

/** Set when the server rejected the session. */
export const signedOut = new Store(false);

const Context = createContext<Viewer | null>(null);

export function ViewerProvider({ viewer, children }: { viewer: Viewer; children: ReactNode }) {
  // Before anything below is rendered.
  setOwn(viewer.defaultNamespace);
  return <Context value={viewer}>{children}</Context>;
}

/** The signed-in user. */
export function useViewer(): Viewer {
  const viewer = useContext(Context);
  if (!viewer) throw new Error("useViewer is used outside of the gate");
  return viewer;
}
