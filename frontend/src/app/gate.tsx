// The gate in front of every page: shows the sign-in page until it is known who is signed in.

import { Box } from "@mantine/core";
import { Navigate, useLocation } from "@tanstack/react-router";
import { useEffect, useRef } from "react";
import { signedOut, ViewerProvider } from "../features/auth/viewer.tsx";
import { ViewerDocument } from "../graphql/generated.ts";
import { useAsked } from "../graphql/live.ts";
import { useStore } from "../lib/store.ts";
import { setOwner } from "../lib/tabOwner.ts";
import { Failure, Waiting } from "../ui/states.tsx";
import { Frame } from "./frame.tsx";

/** The delay before a server that did not answer is asked again, in milliseconds. */
const ASK_AGAIN = 2_000;

export function Gate() {
  const location = useLocation();
  const out = useStore(signedOut);
  const { data, error, again } = useAsked(ViewerDocument, {}, out);
  // A server that is not available is retried automatically.
  useEffect(() => {
    if (!error || data) return;
    const timer = setTimeout(again, ASK_AGAIN);
    return () => clearTimeout(timer);
  }, [error, data, again]);
  useEffect(() => {
    const look = () => {
      if (!document.hidden && !out) again();
    };
    document.addEventListener("visibilitychange", look);
    return () => document.removeEventListener("visibilitychange", look);
  }, [again, out]);
  const name = data?.viewer.name;
  const first = useRef<string | undefined>(undefined);
  // Before any page is shown that could contain another user's data.
  if (name !== undefined && first.current === undefined) {
    first.current = name;
    setOwner(name);
  }
  // Another user signed in in another tab: data loaded for one user must not be shown to the other.
  useEffect(() => {
    if (name === undefined || name === first.current) return;
    setOwner(name);
    window.location.reload();
  }, [name]);
  // The address is already that of the sign-in page while its code is still loading.
  if (out)
    return location.pathname === "/sign-in" ? null : (
      <Navigate to="/sign-in" search={{ next: location.href }} replace />
    );
  if (data) {
    return (
      <ViewerProvider viewer={data.viewer}>
        <Frame />
      </ViewerProvider>
    );
  }
  return (
    <Box p="xl" maw={640} mx="auto">
      {error ? (
        <Failure error={error} again={again} title="The server could not be asked" />
      ) : (
        <Waiting again={again} />
      )}
    </Box>
  );
}
