// ⌘K: go anywhere by typing. Comes when it is first needed.

import "@mantine/spotlight/styles.css";
import { Spotlight, type SpotlightActionData, spotlight } from "@mantine/spotlight";
import { useNavigate } from "@tanstack/react-router";
import { useEffect } from "react";
import { FunctionsDocument } from "../graphql/generated.ts";
import { useAsked } from "../graphql/live.ts";
import { Icon } from "../ui/icons.tsx";

/** Opens the palette, now or as soon as it is there. */
export function openPalette() {
  setTimeout(() => spotlight.open());
}

export default function Palette() {
  const navigate = useNavigate();
  const { data } = useAsked(FunctionsDocument, {});
  useEffect(() => spotlight.open(), []);
  const pages: SpotlightActionData[] = [
    {
      id: "functions",
      label: "Functions",
      leftSection: <Icon name="function" />,
      onClick: () => void navigate({ to: "/functions" }),
    },
    { id: "runs", label: "Runs", leftSection: <Icon name="run" />, onClick: () => void navigate({ to: "/runs" }) },
    {
      id: "events",
      label: "Events",
      leftSection: <Icon name="event" />,
      onClick: () => void navigate({ to: "/events" }),
    },
    {
      id: "dead",
      label: "Dead letters",
      leftSection: <Icon name="dead" />,
      onClick: () => void navigate({ to: "/dead-letters" }),
    },
    {
      id: "system",
      label: "System",
      leftSection: <Icon name="system" />,
      onClick: () => void navigate({ to: "/system" }),
    },
    {
      id: "register",
      label: "Register a function",
      keywords: ["new", "git", "deploy", "add"],
      leftSection: <Icon name="plus" />,
      onClick: () => void navigate({ to: "/functions", search: { register: "git" } }),
    },
    {
      id: "publish",
      label: "Publish an event",
      keywords: ["send", "emit"],
      leftSection: <Icon name="event" />,
      onClick: () => void navigate({ to: "/events", search: { publish: "yes" } }),
    },
  ];
  const functions: SpotlightActionData[] = (data?.functions.nodes ?? []).flatMap(({ id, name, namespace }) => [
    {
      id,
      label: name,
      description: namespace,
      leftSection: <Icon name="function" />,
      onClick: () => void navigate({ to: "/functions/$id", params: { id } }),
    },
    {
      id: `${id}-invoke`,
      label: `Invoke ${name}`,
      leftSection: <Icon name="run" />,
      onClick: () => void navigate({ to: "/functions/$id/invoke", params: { id } }),
    },
    {
      id: `${id}-logs`,
      label: `Logs of ${name}`,
      leftSection: <Icon name="api" />,
      onClick: () => void navigate({ to: "/functions/$id/logs", params: { id } }),
    },
  ]);
  return (
    <Spotlight
      actions={[...functions, ...pages]}
      limit={12}
      highlightQuery
      scrollable
      shortcut="mod + K"
      nothingFound="Nothing of that name"
      searchProps={{
        placeholder: "A function, a page, something to do …",
        leftSection: <Icon name="search" />,
        "aria-label": "Search",
      }}
    />
  );
}
