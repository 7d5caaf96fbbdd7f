// The calls made in this tab, followed until they are over.

import { useCallback, useEffect } from "react";
import { useClient } from "urql";
import { type InvokeFunctionMutation, RunChangedDocument, RunDocument } from "../../../graphql/generated.ts";
import { useFollowed } from "../../../graphql/live.ts";
import { Store, useStore } from "../../../lib/store.ts";
import { onNewOwner } from "../../../lib/tabOwner.ts";
import { type Draft, over } from "./invocation.ts";

type Result = NonNullable<InvokeFunctionMutation["invokeFunction"]["run"]>;

/** A call made in this tab. */
export interface Call {
  draft: Draft;
  run: Result;
  /** Milliseconds until the outcome; null until then. */
  took: number | null;
  begun: number;
}

/** Maximum number of calls of a function that are remembered until the tab is reloaded. */
const REMEMBERED = 10;

/** How often an unfinished run is queried, in milliseconds. */
const ASK_EVERY = 3_000;

const calls = new Store<Readonly<Record<string, readonly Call[]>>>({});

onNewOwner(() => calls.set({}));

/** The calls of a function, newest first; unfinished ones are followed. */
export function useCalls(id: string) {
  const client = useClient();
  const made = useStore(calls)[id] ?? [];
  const settle = useCallback(
    async (run: string) => {
      const { data } = await client.query(RunDocument, { id: run }, { requestPolicy: "network-only" });
      const now = data?.run;
      if (!now) return;
      calls.set({
        ...calls.get(),
        [id]: (calls.get()[id] ?? []).map((one) =>
          one.run.id === run
            ? { ...one, run: now, took: one.took ?? (over(now.state) ? performance.now() - one.begun : null) }
            : one,
        ),
      });
    },
    [client, id],
  );
  useFollowed(RunChangedDocument, { function: id }, ({ runChanged: { run } }) => {
    if (calls.get()[id]?.some((one) => one.run.id === run.id)) void settle(run.id);
  });
  // In case the event of its end is lost, the run is polled as well.
  const open = made.find(({ run }) => !over(run.state))?.run.id;
  useEffect(() => {
    if (!open) return;
    const timer = setInterval(() => void settle(open), ASK_EVERY);
    return () => clearInterval(timer);
  }, [open, settle]);

  const add = (call: Call) =>
    calls.set({ ...calls.get(), [id]: [call, ...(calls.get()[id] ?? [])].slice(0, REMEMBERED) });
  return { made, add, settle };
}
