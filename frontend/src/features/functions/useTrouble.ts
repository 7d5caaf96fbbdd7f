// What is currently wrong with functions. The server says which secret was missing when a function was last started;
// whether it still is missing is looked up in the list of secrets.

import type { FunctionActivityFragment, FunctionRowFragment } from "../../graphql/generated.ts";
import { SecretsSetDocument } from "../../graphql/generated.ts";
import { useAsked } from "../../graphql/live.ts";
import { missingSecret } from "../../lib/secret.ts";
import { broken } from "./model.ts";

type Observed = FunctionRowFragment & FunctionActivityFragment;

export interface Trouble {
  broken: boolean;
  /** The name of the secret that is missing. */
  missing: string | null;
  /** The name of the secret that was missing and has been set since: the next call will show whether it starts. */
  given: string | null;
}

/** Returns what is wrong with a function; the secrets are loaded only if one seems to be missing. */
export function useTrouble(functions: readonly Observed[]): (of: Observed) => Trouble {
  const wanted = functions.some((of) => broken(of) && missingSecret(of.stateReason));
  const { data } = useAsked(SecretsSetDocument, {}, !wanted);
  return (of) => {
    if (!broken(of)) return { broken: false, missing: null, given: null };
    const secret = missingSecret(of.stateReason);
    const set = data?.secrets.some(({ name, namespace }) => name === secret?.name && namespace === secret.namespace);
    return { broken: !set, missing: secret && !set ? secret.name : null, given: secret && set ? secret.name : null };
  };
}
