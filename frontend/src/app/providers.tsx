// What everything on the page lives in: theme, notifications, the API's client.

import { createTheme, MantineProvider } from "@mantine/core";
import { Notifications } from "@mantine/notifications";
import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useState } from "react";
import { Provider as Graph } from "urql";
import { makeClient } from "../graphql/client.ts";
import { disconnect, onRefused } from "../graphql/socket.ts";
import { signedOut } from "./session.tsx";

const theme = createTheme({
  primaryColor: "indigo",
  // One shade darker than usual: links and buttons must be read by everybody.
  primaryShade: { light: 7, dark: 8 },
  defaultRadius: "md",
  fontFamily: "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif",
  fontFamilyMonospace: "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace",
  autoContrast: true,
  cursorType: "pointer",
  components: {
    Modal: { defaultProps: { closeButtonProps: { "aria-label": "Close" } } },
    Alert: { defaultProps: { closeButtonLabel: "Close" } },
    // What scrolls must be reached by the keyboard.
    TableScrollContainer: { defaultProps: { scrollAreaProps: { viewportProps: { tabIndex: 0 } } } },
    Notification: { defaultProps: { closeButtonProps: { "aria-label": "Close" } } },
  },
});

const Restart = createContext<() => void>(() => {});

/** Forgets everything that was loaded, for a new session. */
export function useRestart(): () => void {
  return useContext(Restart);
}

export function Providers({ children }: { children: ReactNode }) {
  const [session, setSession] = useState(0);
  const unauthenticated = useCallback(() => signedOut.set(true), []);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new session has a new client
  const client = useMemo(() => makeClient(unauthenticated), [session, unauthenticated]);
  useEffect(() => onRefused(unauthenticated), [unauthenticated]);
  const restart = useCallback(() => {
    disconnect();
    signedOut.set(false);
    setSession((number) => number + 1);
  }, []);
  return (
    <MantineProvider theme={theme} defaultColorScheme="auto">
      <Notifications position="bottom-right" limit={4} />
      <Restart value={restart}>
        <Graph value={client}>{children}</Graph>
      </Restart>
    </MantineProvider>
  );
}
