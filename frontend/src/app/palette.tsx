// ⌘K: the command palette. Loaded when it is first needed.

import "@mantine/spotlight/styles.css";
import { createSpotlight, Spotlight } from "@mantine/spotlight";
import { useEffect, useRef, useState } from "react";
import { Icon } from "../ui/icons.tsx";
import { found, grouped } from "./find.ts";
import { useEntries } from "./useEntries.ts";

const [store, spotlight] = createSpotlight();

/** Reopens the palette. */
export function openPalette() {
  spotlight.open();
}

export default function Palette({ help }: { help: () => void }) {
  const [typed, setTyped] = useState("");
  const [open, setOpen] = useState(false);
  const entries = useEntries(typed, open, help);
  const shown = found(entries, typed);
  // The library selects the first entry when something is typed. Entries that arrive later, from the server, are new
  // ones.
  const first = shown[0]?.id;
  const list = useRef<HTMLDivElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: marks again whenever another entry is the first
  useEffect(() => {
    if (typed === "") return;
    const actions = [...(list.current?.querySelectorAll<HTMLElement>("[data-action]") ?? [])];
    if (actions.some((one) => one.dataset.selected)) return;
    actions[0]?.setAttribute("data-selected", "true");
    store.updateState((now) => ({ ...now, selected: 0 }));
  }, [typed, first, open]);
  useEffect(() => {
    setOpen(true);
    // Focus returns to the element that has it now.
    spotlight.open();
  }, []);
  return (
    <Spotlight.Root
      store={store}
      query={typed}
      onQueryChange={setTyped}
      onSpotlightOpen={() => setOpen(true)}
      onSpotlightClose={() => setOpen(false)}
      shortcut={null}
      scrollable
      maxHeight="70vh"
      returnFocus
      attributes={{ content: { "aria-label": "Go to or do" } }}
    >
      <Spotlight.Search
        placeholder="A function, a page, an id, something to do …"
        leftSection={<Icon name="search" />}
        aria-label="Go to or do"
      />
      <Spotlight.ActionsList ref={list}>
        {grouped(shown).map(([group, acts]) => (
          <Spotlight.ActionsGroup key={group} label={group}>
            {acts.map((one) => (
              <Spotlight.Action
                key={one.id}
                label={one.label}
                {...(one.note ? { description: one.note } : {})}
                leftSection={<Icon name={one.icon} />}
                onClick={() => void one.act()}
              />
            ))}
          </Spotlight.ActionsGroup>
        ))}
        {shown.length === 0 && <Spotlight.Empty>No matches</Spotlight.Empty>}
      </Spotlight.ActionsList>
    </Spotlight.Root>
  );
}
