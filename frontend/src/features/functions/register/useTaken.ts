// Whether the name of a new function is taken.

import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "urql";
import { FunctionNamedDocument } from "../../../graphql/generated.ts";
import { nameFault } from "../name.ts";

/** Whether a name is taken; queried when typing pauses. */
export function useTaken(namespace: string, name: string): { id: string | null; asking: boolean } {
  const [rested] = useDebouncedValue(name, 250);
  const fits = nameFault(rested) === null;
  const [{ data, fetching }] = useQuery({
    query: FunctionNamedDocument,
    variables: { namespace, name: rested },
    pause: !fits,
    requestPolicy: "network-only",
  });
  const found = fits && rested === name ? data?.function : null;
  return {
    id: found && found.name === name && found.state !== "DEREGISTERED" ? found.id : null,
    asking: fits && (fetching || rested !== name),
  };
}
