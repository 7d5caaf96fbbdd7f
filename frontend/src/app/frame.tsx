// The frame around every page: navigation, palette, and the banner for problems.

import {
  ActionIcon,
  Anchor,
  AppShell,
  Box,
  Burger,
  Group,
  NavLink,
  Text,
  Tooltip,
  UnstyledButton,
  useComputedColorScheme,
  useMantineColorScheme,
} from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { Link, Outlet, useLocation } from "@tanstack/react-router";
import { lazy, Suspense, useEffect, useLayoutEffect } from "react";
import { FunctionChangedDocument } from "../graphql/generated.ts";
import { useFollowed } from "../graphql/live.ts";
import { Icon, type IconName } from "../ui/icons.tsx";
import { Connection } from "./connection.tsx";
import { MAIN, useKeyboard } from "./useKeyboard.ts";

const Palette = lazy(() => import("./palette.tsx"));

const Who = lazy(() => import("./who.tsx"));

const Help = lazy(() => import("./help.tsx"));

const SECTIONS: {
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

export function Frame() {
  const [opened, { toggle, close }] = useDisclosure();
  const { pathname } = useLocation();
  const { palette, help, ask, closeHelp } = useKeyboard();
  // Subscribed here so that every page has current functions, and to monitor the connection.
  useFollowed(FunctionChangedDocument, {});
  // biome-ignore lint/correctness/useExhaustiveDependencies: another page closes the navigation
  useEffect(close, [pathname, close]);
  // The section's title applies until the page sets its own. A tab of the same page keeps the current title.
  const section = SECTIONS.find(({ to }) => pathname.startsWith(to))?.label;
  const thing = pathname.split("/").slice(0, 3).join("/");
  // biome-ignore lint/correctness/useExhaustiveDependencies: another thing of the same section has another title
  useLayoutEffect(() => {
    if (section) document.title = `${section} · EventFlow`;
  }, [section, thing]);
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
        Skip to the content
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
        {SECTIONS.map((section) => (
          <NavLink
            key={section.to}
            component={Link}
            to={section.to}
            label={section.label}
            leftSection={<Icon name={section.icon} />}
            active={pathname.startsWith(section.to)}
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
