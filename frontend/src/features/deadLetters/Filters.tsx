// The filters of the list of dead letters.

import { Group, Select } from "@mantine/core";
import { NamespacesDocument } from "../../graphql/generated.ts";
import { useAsked } from "../../graphql/live.ts";
import { FunctionPicker } from "../functions/FunctionPicker.tsx";
import { SpanFilter } from "../runs/SpanFilter.tsx";
import type { Narrowed } from "./search.ts";

export function Filters({ search, set }: Narrowed) {
  const { data } = useAsked(NamespacesDocument, {});
  const names = data?.namespaces.map(({ name }) => name) ?? [];
  return (
    <Group gap="xs">
      <FunctionPicker
        value={search.function}
        namespace={search.namespace}
        choose={(id) => set({ function: id, after: undefined })}
      />
      {(names.length > 1 || search.namespace !== undefined) && (
        <Select
          size="xs"
          placeholder="Any namespace"
          aria-label="Namespace"
          data={[...new Set([...names, ...(search.namespace ? [search.namespace] : [])])]}
          value={search.namespace ?? null}
          onChange={(namespace) => set({ namespace: namespace ?? undefined, function: undefined, after: undefined })}
          clearable
          w={150}
        />
      )}
      <SpanFilter span={search} set={(span) => set({ ...span, after: undefined })} />
    </Group>
  );
}
