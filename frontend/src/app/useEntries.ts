// The entries of the palette for the typed text: pages, functions with their actions, runs by id.

import { useMantineColorScheme } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useNavigate } from "@tanstack/react-router";
import { useLeave } from "../features/auth/useLeave.ts";
import { useViewer } from "../features/auth/viewer.tsx";
import { useActions } from "../features/functions/useActions.ts";
import { PaletteFunctionsDocument, PaletteRunsDocument } from "../graphql/generated.ts";
import { useAsked } from "../graphql/live.ts";
import { isId } from "../lib/ids.ts";
import { isOwn } from "../lib/namespace.ts";
import { short } from "../lib/time.ts";
import type { IconName } from "../ui/icons.tsx";
import { type Entry, idTyped } from "./find.ts";

interface Act extends Entry {
  icon: IconName;
  act: () => unknown;
}

/** The server is queried when typing has paused for this long, in milliseconds. */
const SETTLE = 150;

export function useEntries(typed: string, open: boolean, help: () => void): Act[] {
  const navigate = useNavigate();
  const { mayWrite } = useViewer();
  const { colorScheme, setColorScheme } = useMantineColorScheme();
  const actions = useActions();
  const leave = useLeave();
  const [settled] = useDebouncedValue(typed.trim(), SETTLE);
  // The last word is the name: "stop hello" searches for hello.
  const search = settled.split(/\s+/).at(-1) || null;
  const functions = useAsked(PaletteFunctionsDocument, { search }, !open);
  const all = useAsked(PaletteFunctionsDocument, { search: null }, !open);
  const id = idTyped(typed);
  const prefix = idTyped(settled);
  const runs = useAsked(PaletteRunsDocument, { prefix: prefix ?? "" }, !open || prefix === null);

  const known = new Map(
    [...(all.data?.functions.nodes ?? []), ...(functions.data?.functions.nodes ?? [])].map((one) => [one.id, one]),
  );
  const ofFunctions = [...known.values()].flatMap((one): Act[] => {
    const params = { id: one.id };
    const quiet = true;
    const group = "Functions";
    const note = isOwn(one.namespace) ? undefined : `in ${one.namespace}`;
    const offered: (Act | false)[] = [
      {
        id: one.id,
        group,
        label: one.name,
        note: note ?? one.state.toLowerCase(),
        icon: "function",
        act: () => navigate({ to: "/functions/$id", params }),
      },
      mayWrite &&
        one.state === "RUNNING" && {
          id: `${one.id}-invoke`,
          group,
          quiet,
          label: `Invoke ${one.name}`,
          note,
          also: "call run",
          icon: "run",
          act: () => navigate({ to: "/functions/$id/invoke", params }),
        },
      {
        id: `${one.id}-logs`,
        group,
        quiet,
        label: `Logs of ${one.name}`,
        note,
        also: "lines output",
        icon: "api",
        act: () => navigate({ to: "/functions/$id/logs", params }),
      },
      {
        id: `${one.id}-runs`,
        group,
        quiet,
        label: `Runs of ${one.name}`,
        note,
        also: "calls invocations",
        icon: "run",
        act: () => navigate({ to: "/functions/$id/runs", params }),
      },
      mayWrite &&
        one.state === "RUNNING" && {
          id: `${one.id}-stop`,
          group,
          quiet,
          label: `Stop ${one.name}`,
          note,
          icon: "stop",
          act: () => actions.stop(one),
        },
      mayWrite &&
        one.state !== "RUNNING" &&
        one.state !== "DEREGISTERED" &&
        one.currentVersion !== null && {
          id: `${one.id}-start`,
          group,
          quiet,
          label: `Start ${one.name}`,
          note,
          icon: "run",
          act: () => actions.start(one),
        },
      mayWrite &&
        one.state !== "DEREGISTERED" && {
          id: `${one.id}-build`,
          group,
          quiet,
          label: `Build ${one.name} again`,
          note,
          also: "deploy",
          icon: "build",
          act: async () => {
            const build = await actions.build(one);
            if (build) await navigate({ to: "/functions/$id/builds", params, search: { build } });
          },
        },
    ];
    return offered.filter((act) => act !== false);
  });

  const ofIds: Act[] =
    id === null
      ? []
      : (runs.data?.runs.nodes ?? [])
          .filter((run) => run.id.startsWith(id))
          .map((run) => ({
            id: run.id,
            group: "Runs",
            label: `Run ${short(run.id, Math.max(8, id.length))}`,
            note: `${run.function.name}, ${run.state.replaceAll("_", " ").toLowerCase()}`,
            also: run.id,
            icon: "run",
            act: () => navigate({ to: "/runs/$id", params: { id: run.id } }),
          }));
  if (id !== null && isId(id)) {
    const params = { id };
    const kinds = [
      ["Open the run of this id", "run", () => navigate({ to: "/runs/$id", params })],
      ["Open the event of this id", "event", () => navigate({ to: "/events/$id", params })],
      ["Open the function of this id", "function", () => navigate({ to: "/functions/$id", params })],
    ] as const;
    for (const [label, icon, act] of kinds)
      if (label !== kinds[0][0] || !ofIds.some((run) => run.id === id))
        ofIds.push({ id: label, group: "Runs", label, also: id, icon, act });
  }

  const pages: Act[] = [
    { id: "functions", label: "Functions", icon: "function", act: () => navigate({ to: "/functions" }) },
    { id: "runs", label: "Runs", also: "invocations", icon: "run", act: () => navigate({ to: "/runs" }) },
    { id: "events", label: "Events", icon: "event", act: () => navigate({ to: "/events" }) },
    {
      id: "dead",
      label: "Dead letters",
      also: "failed dlq redrive purge",
      icon: "dead",
      act: () => navigate({ to: "/dead-letters" }),
    },
    {
      id: "system",
      label: "System",
      also: "health status store queue",
      icon: "system",
      act: () => navigate({ to: "/system" }),
    },
    { id: "graphql", label: "GraphQL", also: "api graphiql", icon: "api", act: () => location.assign("/graphql") },
  ].map((one) => ({ ...one, group: "Pages" }) as Act);

  const light: Act = {
    id: "light",
    group: "Actions",
    label: "Light colours",
    also: "theme bright scheme",
    icon: "sun",
    act: () => setColorScheme("light"),
  };
  const own: Act[] = [
    ...(mayWrite
      ? ([
          {
            id: "register",
            group: "Actions",
            label: "Register a function",
            also: "new git deploy add create",
            icon: "plus",
            act: () => navigate({ to: "/functions", search: { register: "git" } }),
          },
          {
            id: "publish",
            group: "Actions",
            label: "Publish an event",
            also: "send emit trigger",
            icon: "event",
            act: () => navigate({ to: "/events", search: { publish: "yes" } }),
          },
        ] as Act[])
      : []),
    ...(colorScheme === "light" ? [] : [light]),
    ...(colorScheme === "dark"
      ? []
      : [
          {
            ...light,
            id: "night",
            label: "Dark colours",
            also: "theme night scheme",
            icon: "moon",
            act: () => setColorScheme("dark"),
          } as Act,
        ]),
    ...(colorScheme === "auto"
      ? []
      : [
          {
            ...light,
            id: "auto",
            label: "Colours of the system",
            also: "theme auto scheme",
            icon: "system",
            act: () => setColorScheme("auto"),
          } as Act,
        ]),
    { id: "help", group: "Actions", label: "Keyboard shortcuts", also: "help keys", icon: "keys", act: help },
    { id: "out", group: "Actions", label: "Sign out", also: "log out logout leave", icon: "out", act: leave },
  ];
  return [...ofIds, ...ofFunctions, ...pages, ...own];
}
