// Who is signed in, and what the server is. Everything below the gate may take for granted that there is a viewer.

import { createContext, type ReactNode, useContext } from "react";
import type { ViewerQuery } from "../../graphql/generated.ts";
import { setOwn } from "../../lib/namespace.ts";
import { Store } from "../../lib/store.ts";

export type Viewer = ViewerQuery["viewer"];

/** Set when the server said that it does not know who this is. */
export const signedOut = new Store(false);

const Context = createContext<Viewer | null>(null);

export function ViewerProvider({ viewer, children }: { viewer: Viewer; children: ReactNode }) {
  // Before anything below is drawn.
  setOwn(viewer.defaultNamespace);
  return <Context value={viewer}>{children}</Context>;
}

/** Who is signed in. */
export function useViewer(): Viewer {
  const viewer = useContext(Context);
  if (!viewer) throw new Error("useViewer is used outside of the gate");
  return viewer;
}
