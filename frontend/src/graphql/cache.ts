// How results are kept: things with an id once, whoever asked for them; the rest inside of what holds it.

import { cacheExchange, type Data } from "@urql/exchange-graphcache";
import type { StartFunctionMutationVariables, StopFunctionMutationVariables } from "./generated.ts";

const inside = () => null;

/** A function as it will be once the server agrees; when it does not, this is taken back. */
function soon(payload: Data) {
  return { __typename: "FunctionPayload", userErrors: [], function: { stateReason: null, ...payload } };
}

/** The cache of one session. */
export function cache() {
  return cacheExchange({
    keys: {
      BuildConnection: inside,
      EventConnection: inside,
      FunctionConnection: inside,
      RecordedEventConnection: inside,
      RunConnection: inside,
      VersionConnection: inside,
      BuildChange: inside,
      EventChange: inside,
      FunctionChange: inside,
      RunChange: inside,
      PageInfo: inside,
      LogLine: inside,
      Metrics: inside,
      Source: inside,
      Trigger: inside,
      Version: inside,
      Viewer: inside,
      Server: inside,
      Callback: inside,
      Secret: inside,
      UserError: inside,
      FunctionPayload: inside,
      BuildPayload: inside,
      RunPayload: inside,
      EventPayload: inside,
      SecretPayload: inside,
      RedrivenPayload: inside,
      PurgedPayload: inside,
      Namespace: (namespace) => namespace.name as string,
    },
    optimistic: {
      startFunction: (args) => soon({ __typename: "Function", id: (args as StartFunctionMutationVariables).id, state: "RUNNING" }),
      stopFunction: (args) => soon({ __typename: "Function", id: (args as StopFunctionMutationVariables).id, state: "STOPPED" }),
    },
    updates: {
      Mutation: {
        setSecret: (_result, _args, cache) => cache.invalidate("Query", "secrets"),
        registerFunction: (_result, _args, cache) => cache.invalidate("Query", "functions"),
        deregisterFunction: (_result, _args, cache) => cache.invalidate("Query", "functions"),
      },
    },
  });
}
