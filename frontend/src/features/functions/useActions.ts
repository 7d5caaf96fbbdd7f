// The actions on a function, with notifications of their results.

import { useMutation } from "urql";
import {
  BuildFunctionDocument,
  DeregisterFunctionDocument,
  RollbackFunctionDocument,
  StartFunctionDocument,
  StopFunctionDocument,
} from "../../graphql/generated.ts";
import { accepted, notifyDone } from "../../ui/notify.ts";

interface One {
  id: string;
  name: string;
}

export function useActions() {
  const [starting, start] = useMutation(StartFunctionDocument);
  const [stopping, stop] = useMutation(StopFunctionDocument);
  const [, deregister] = useMutation(DeregisterFunctionDocument);
  const [, build] = useMutation(BuildFunctionDocument);
  const [, rollback] = useMutation(RollbackFunctionDocument);
  return {
    busy: starting.fetching || stopping.fetching,
    start: async ({ id, name }: One) => {
      const { data, error } = await start({ id });
      return accepted(`${name} was not started`, error, data?.startFunction);
    },
    stop: async ({ id, name }: One) => {
      const { data, error } = await stop({ id });
      return accepted(`${name} was not stopped`, error, data?.stopFunction);
    },
    deregister: async ({ id, name }: One) => {
      const { data, error } = await deregister({ id });
      const done = accepted(`${name} was not deregistered`, error, data?.deregisterFunction);
      if (done) notifyDone(`${name} is deregistered.`);
      return done;
    },
    build: async ({ id, name }: One) => {
      const { data, error } = await build({ id });
      return accepted(`${name} is not built`, error, data?.buildFunction) ? data?.buildFunction.build?.id : undefined;
    },
    rollback: async ({ id, name }: One, version: number, reason: string) => {
      const { data, error } = await rollback({ id, version, reason: reason.trim() || null });
      const done = accepted(`${name} was not rolled back`, error, data?.rollbackFunction);
      if (done) notifyDone(`${name} answers with version ${version}.`);
      return done;
    },
  };
}
