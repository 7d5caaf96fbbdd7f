// The frame around every page: the gate, navigation, palette, what is wrong with the connection or the server.

import {
  ActionIcon,
  Alert,
  Anchor,
  AppShell,
  Box,
  Burger,
  Button,
  Group,
  NavLink,
  Text,
  Tooltip,
  UnstyledButton,
  useComputedColorScheme,
  useMantineColorScheme,
} from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { Link, Navigate, Outlet, useLocation, useNavigate } from "@tanstack/react-router";
import { lazy, Suspense, useCallback, useEffect, useLayoutEffect, useRef, useState } from "react";
import { signedOut, useViewer, ViewerProvider } from "../features/auth/viewer.tsx";
import { FunctionChangedDocument, ViewerDocument } from "../graphql/generated.ts";
import { useAsked, useFollowed } from "../graphql/live.ts";
import { link } from "../graphql/socket.ts";
import { isHere } from "../lib/mine.ts";
import { useStore } from "../lib/store.ts";
import { Icon, type IconName } from "../ui/icons.tsx";
import { Failure, Waiting } from "../ui/states.tsx";
import { type Command, Keys, writes } from "./keys.ts";

const Palette = lazy(() => import("./palette.tsx"));
const Who = lazy(() => import("./who.tsx"));
const Help = lazy(() => import("./help.tsx"));

const PLACES: {
  to: "/functions" | "/runs" | "/events" | "/dead-letters" | "/system";
  label: string;
  icon: IconName;
}[] = [
  { to: "/functions", label: "Functions", icon: "function" },
  { to: "/runs", label: "Runs", icon: "run" },
  { to: "/events", label: "Events", icon: "event" },
  { to: "/dead-letters", label: "Dead letters", icon: "dead" },
  { to: "/system", label: "System", icon: "system" },
];

/** A connection that is away for a shorter time is not worth a word, in milliseconds. */
const PATIENCE = 1_000;
/** The pause before a server that did not answer is asked again, in milliseconds. */
const ASK_AGAIN = 2_000;

export function Shell() {
  const location = useLocation();
  const out = useStore(signedOut);
  const { data, error, again } = useAsked(ViewerDocument, {}, out);
  // A server that is away comes back: it is asked again without being told to.
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
  // Before any page is there that would show what somebody else left.
  if (name !== undefined && first.current === undefined) {
    first.current = name;
    isHere(name);
  }
  // In another tab somebody else has signed in: what was loaded for one is not for the other.
  useEffect(() => {
    if (name === undefined || name === first.current) return;
    isHere(name);
    window.location.reload();
  }, [name]);
  // The address is already that of the way in while its code is still on its way.
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

/** Where a skip link and a new page lead. */
const MAIN = "main";
/** The search field of a page. */
const SEARCH = `#${MAIN} input[aria-label^="search" i], #${MAIN} input[type="search"]`;

function Frame() {
  const [opened, { toggle, close }] = useDisclosure();
  const { pathname } = useLocation();
  const { palette, help, ask, closeHelp } = useKeyboard();
  // Followed here so that every page has functions as they are, and the connection is known to stand.
  useFollowed(FunctionChangedDocument, {});
  // biome-ignore lint/correctness/useExhaustiveDependencies: another page closes the navigation
  useEffect(close, [pathname, close]);
  // Until a page says what it shows: its place. A tab of the same page keeps the title that it has.
  const place = PLACES.find(({ to }) => pathname.startsWith(to))?.label;
  const thing = pathname.split("/").slice(0, 3).join("/");
  // biome-ignore lint/correctness/useExhaustiveDependencies: another thing of the same place has another title
  useLayoutEffect(() => {
    if (place) document.title = `${place} · EventFlow`;
  }, [place, thing]);
  return (
    <AppShell
      header={{ height: 52 }}
      navbar={{ width: 210, breakpoint: "sm", collapsed: { mobile: !opened } }}
      padding={{ base: "sm", sm: "lg" }}
    >
      <a
        className="skip"
        href={`#${MAIN}`}
        onClick={(event) => {
          event.preventDefault();
          document.getElementById(MAIN)?.focus();
        }}
      >
        To the content
      </a>
      <AppShell.Header>
        <Group h="100%" px="md" justify="space-between" wrap="nowrap" gap="xs">
          <Group gap="sm" wrap="nowrap">
            <Burger opened={opened} onClick={toggle} hiddenFrom="sm" size="sm" aria-label="Navigation" />
            <Anchor component={Link} to="/functions" underline="never" c="inherit">
              <Group gap={8} wrap="nowrap">
                <Icon name="event" size={20} color="var(--mantine-primary-color-filled)" />
                <Text fw={700}>EventFlow</Text>
              </Group>
            </Anchor>
          </Group>
          <Group gap={6} wrap="nowrap">
            <PaletteButton open={() => ask("palette")} />
            <SchemeButton />
            <Suspense fallback={<Box w={32} />}>
              <Who help={() => ask("help")} />
            </Suspense>
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="xs" component="nav" aria-label="Main">
        {PLACES.map((place) => (
          <NavLink
            key={place.to}
            component={Link}
            to={place.to}
            label={place.label}
            leftSection={<Icon name={place.icon} />}
            active={pathname.startsWith(place.to)}
            style={{ borderRadius: 6 }}
          />
        ))}
        <Box mt="auto">
          <NavLink href="/graphql" label="GraphQL" leftSection={<Icon name="api" />} style={{ borderRadius: 6 }} />
        </Box>
      </AppShell.Navbar>
      <AppShell.Main id={MAIN} tabIndex={-1}>
        <Connection />
        <Outlet />
      </AppShell.Main>
      <Suspense>
        {palette && <Palette help={() => ask("help")} />}
        {help !== null && <Help opened={help} close={closeHelp} />}
      </Suspense>
    </AppShell>
  );
}

/** What the keyboard asks for is done here; what is shown for it is loaded when it is first asked for. */
function useKeyboard() {
  const navigate = useNavigate();
  const { mayWrite } = useViewer();
  const { setColorScheme } = useMantineColorScheme();
  const dark = useComputedColorScheme("light") === "dark";
  const [palette, setPalette] = useState(false);
  const [help, setHelp] = useState<boolean | null>(null);
  const ask = useCallback(
    (command: Command) => {
      const does: Record<Command, () => unknown> = {
        palette: () => {
          setPalette(true);
          // Opened by itself when it comes for the first time.
          if (palette) void import("./palette.tsx").then((module) => module.openPalette());
        },
        help: () => setHelp(true),
        search: () => document.querySelector<HTMLInputElement>(SEARCH)?.focus(),
        theme: () => setColorScheme(dark ? "light" : "dark"),
        functions: () => navigate({ to: "/functions" }),
        runs: () => navigate({ to: "/runs" }),
        events: () => navigate({ to: "/events" }),
        dead: () => navigate({ to: "/dead-letters" }),
        system: () => navigate({ to: "/system" }),
        register: () => mayWrite && navigate({ to: "/functions", search: { register: "git" } }),
        publish: () => mayWrite && navigate({ to: "/events", search: { publish: "yes" } }),
      };
      does[command]();
    },
    [palette, dark, mayWrite, navigate, setColorScheme],
  );
  const asks = useRef(ask);
  asks.current = ask;
  useEffect(() => {
    const keys = new Keys();
    const listen = (event: KeyboardEvent) => {
      if ((event.metaKey || event.ctrlKey) && !event.altKey && event.key.toLowerCase() === "k") {
        event.preventDefault();
        asks.current("palette");
        return;
      }
      if (event.metaKey || event.ctrlKey || event.altKey || event.defaultPrevented || event.isComposing) return;
      // What is typed into a field is a text, and an open dialog has the keyboard for itself.
      if (writes(event.target as HTMLElement) || document.querySelector("[role=dialog], [role=menu]")) return;
      const meant = keys.press(event.key, event.timeStamp);
      if (meant === null) return;
      event.preventDefault();
      if (meant !== "more") asks.current(meant);
    };
    addEventListener("keydown", listen);
    return () => removeEventListener("keydown", listen);
  }, []);
  return { palette, help, ask, closeHelp: () => setHelp(false) };
}

function PaletteButton({ open }: { open: () => void }) {
  return (
    <Tooltip label="Go to or do anything (Ctrl K)">
      <UnstyledButton
        onClick={open}
        aria-label="Go to … Ctrl K: the command palette"
        px="sm"
        h={32}
        className="palette"
      >
        <Icon name="search" size={14} />
        <Text size="xs" c="dimmed" visibleFrom="sm">
          Go to … Ctrl K
        </Text>
      </UnstyledButton>
    </Tooltip>
  );
}

function SchemeButton() {
  const { setColorScheme } = useMantineColorScheme();
  const dark = useComputedColorScheme("light") === "dark";
  return (
    <ActionIcon
      variant="subtle"
      color="gray"
      size={32}
      aria-label={dark ? "Light colours" : "Dark colours"}
      onClick={() => setColorScheme(dark ? "light" : "dark")}
    >
      <Icon name={dark ? "sun" : "moon"} />
    </ActionIcon>
  );
}

function Connection() {
  const { state } = useStore(link);
  const viewer = useViewer();
  const [long, setLong] = useState(false);
  const lost = state === "lost";
  useEffect(() => {
    setLong(false);
    if (!lost) return;
    const timer = setTimeout(() => setLong(true), PATIENCE);
    return () => clearTimeout(timer);
  }, [lost]);
  return (
    <>
      {long && (
        <Alert
          className="lost"
          color="orange"
          variant="filled"
          autoContrast
          mb="md"
          p="xs"
          role="alert"
          title="Connection lost"
        >
          <Group gap="sm">
            <Text size="sm">What you see may be old. It is tried again by itself, and nothing is missed.</Text>
            <Button size="compact-xs" variant="default" onClick={() => location.reload()}>
              Reload
            </Button>
          </Group>
        </Alert>
      )}
      {viewer.server.warnings.map((warning) => (
        <Alert key={warning} color="yellow" mb="md" p="xs">
          {warning}
        </Alert>
      ))}
    </>
  );
}
