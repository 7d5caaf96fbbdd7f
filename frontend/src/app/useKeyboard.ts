// The shortcuts available on every page.

import { useComputedColorScheme, useMantineColorScheme } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useCallback, useEffect, useRef, useState } from "react";
import { useViewer } from "../features/auth/viewer.tsx";
import { type Command, Keys, writes } from "./keys.ts";

/** The target of skip links and of focus on a new page. */
export const MAIN = "main";
/** The search field of a page. */
const SEARCH = `#${MAIN} input[aria-label^="search" i], #${MAIN} input[type="search"]`;

/** Handles the shortcuts; whatever they open is loaded when it is first needed. */
export function useKeyboard() {
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
          // The first time, it opens when its code has been loaded.
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
      // Keys typed into a field are text, and an open dialog handles the keyboard itself.
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
