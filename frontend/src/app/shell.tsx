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
  Menu,
  NavLink,
  Text,
  Tooltip,
  UnstyledButton,
  useComputedColorScheme,
  useMantineColorScheme,
} from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { Link, Navigate, Outlet, useLocation, useNavigate } from "@tanstack/react-router";
import { lazy, Suspense, useEffect, useState } from "react";
import { signOut } from "../features/auth/session.ts";
import { FunctionChangedDocument, ViewerDocument } from "../graphql/generated.ts";
import { useAsked, useFollowed } from "../graphql/live.ts";
import { link } from "../graphql/socket.ts";
import { useStore } from "../lib/store.ts";
import { Icon, type IconName } from "../ui/icons.tsx";
import { Failure, Waiting } from "../ui/states.tsx";
import { useRestart } from "./providers.tsx";
import { signedOut, useViewer, ViewerProvider } from "./session.tsx";

const Palette = lazy(() => import("./palette.tsx"));

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

export function Shell() {
  const location = useLocation();
  const out = useStore(signedOut);
  const { data, error, again } = useAsked(ViewerDocument, {}, out);
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

function Frame() {
  const [opened, { toggle, close }] = useDisclosure();
  const { pathname } = useLocation();
  // Followed here so that every page has functions as they are, and the connection is known to stand.
  useFollowed(FunctionChangedDocument, {});
  // biome-ignore lint/correctness/useExhaustiveDependencies: another page closes the navigation
  useEffect(close, [pathname, close]);
  return (
    <AppShell
      header={{ height: 52 }}
      navbar={{ width: 210, breakpoint: "sm", collapsed: { mobile: !opened } }}
      padding={{ base: "sm", sm: "lg" }}
    >
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
            <Suspense>
              <PaletteButton />
            </Suspense>
            <SchemeButton />
            <Who />
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
      <AppShell.Main>
        <Connection />
        <Outlet />
      </AppShell.Main>
    </AppShell>
  );
}

function PaletteButton() {
  const [wanted, setWanted] = useState(false);
  const open = () => {
    setWanted(true);
    void import("./palette.tsx").then((module) => module.openPalette());
  };
  useEffect(() => {
    // The palette listens itself once it is there.
    if (wanted) return;
    const listen = (event: KeyboardEvent) => {
      if ((event.metaKey || event.ctrlKey) && event.key.toLowerCase() === "k") {
        event.preventDefault();
        setWanted(true);
        void import("./palette.tsx").then((module) => module.openPalette());
      }
    };
    addEventListener("keydown", listen);
    return () => removeEventListener("keydown", listen);
  }, [wanted]);
  return (
    <>
      <Tooltip label="Go to … (Ctrl K)">
        <UnstyledButton
          onClick={open}
          aria-label="Open the command palette"
          px="sm"
          h={32}
          style={{
            border: "1px solid var(--mantine-color-default-border)",
            borderRadius: 6,
            display: "flex",
            alignItems: "center",
            gap: 8,
          }}
        >
          <Icon name="search" size={14} />
          <Text size="xs" c="dimmed" visibleFrom="sm">
            Go to … Ctrl K
          </Text>
        </UnstyledButton>
      </Tooltip>
      {wanted && <Palette />}
    </>
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

function Who() {
  const viewer = useViewer();
  const restart = useRestart();
  const navigate = useNavigate();
  return (
    <Menu position="bottom-end" width={200}>
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" size={32} aria-label={`Signed in as ${viewer.name}`}>
          <Icon name="user" />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{viewer.name}</Menu.Label>
        <Menu.Item
          leftSection={<Icon name="out" />}
          onClick={async () => {
            if (!(await signOut())) return;
            await navigate({ to: "/sign-in" });
            restart();
          }}
        >
          Sign out
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
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
        <Alert color="orange" mb="md" p="xs" role="alert" title="Connection lost">
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
