// The context of all pages: theme, notifications, API client.

import { type CSSVariablesResolver, createTheme, MantineProvider } from "@mantine/core";
import { Notifications } from "@mantine/notifications";
import { type ReactNode, useCallback, useEffect, useMemo, useState } from "react";
import { Provider as Graph } from "urql";
import { Restart } from "../features/auth/restart.ts";
import { signedOut } from "../features/auth/viewer.tsx";
import { makeClient } from "../graphql/client.ts";
import { disconnect, onRefused } from "../graphql/socket.ts";

const theme = createTheme({
  primaryColor: "indigo",
  defaultRadius: "md",
  fontFamily: "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif",
  fontFamilyMonospace: "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace",
  autoContrast: true,
  cursorType: "pointer",
  // Dark enough for white text on it, and as text on white.
  primaryShade: 8,
  components: {
    Modal: { defaultProps: { closeButtonProps: { "aria-label": "Close" } } },
    Alert: { defaultProps: { closeButtonLabel: "Close" } },
    Notification: { defaultProps: { closeButtonProps: { "aria-label": "Close" } } },
    // Scrollable areas must be reachable by keyboard.
    TableScrollContainer: { defaultProps: { scrollAreaProps: { viewportProps: { tabIndex: 0 } } } },
  },
});

/** Text colors that are too pale in the library, raised to a contrast of 4.5:1 on every background they appear on. */
const legible: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    "--mantine-color-dimmed": "var(--mantine-color-gray-7)",
    "--mantine-color-error": "var(--mantine-color-red-9)",
    "--mantine-color-red-text": "var(--mantine-color-red-9)",
    "--mantine-color-green-text": "#237032",
    "--mantine-color-teal-text": "#087f5b",
    "--mantine-color-placeholder": "#6a7178",
    "--mantine-color-orange-text": "#a83a06",
    "--mantine-color-green-light-color": "#1b662b",
    "--mantine-color-teal-light-color": "#06634a",
    "--mantine-color-orange-light-color": "#953505",
    "--mantine-color-yellow-light-color": "#6f4400",
    "--mantine-color-red-light-color": "#a51d1d",
  },
  dark: {
    "--mantine-color-dimmed": "#ababab",
  },
});

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
    <MantineProvider theme={theme} cssVariablesResolver={legible} defaultColorScheme="auto">
      <Notifications position="bottom-right" limit={4} />
      <Restart value={restart}>
        <Graph value={client}>{children}</Graph>
      </Restart>
    </MantineProvider>
  );
}
