// A select field for one of very many functions; the server searches by name.

import { Select } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useState } from "react";
import { FunctionNamesDocument, PickFunctionDocument } from "../../graphql/generated.ts";
import { useAsked } from "../../graphql/live.ts";
import { shownName } from "../../lib/namespace.ts";
import { short } from "../../lib/time.ts";

/** The server is queried when typing has paused for this long, in milliseconds. */
const SETTLE = 150;

export function FunctionPicker({
  value,
  namespace,
  choose,
}: {
  value: string | undefined;
  /** Only functions of this namespace. */
  namespace: string | undefined;
  choose: (id: string | undefined) => void;
}) {
  const [typed, setTyped] = useState("");
  const { data: chosen } = useAsked(FunctionNamesDocument, { id: value ?? "" }, value === undefined);
  const name = value === undefined ? undefined : chosen?.function ? shownName(chosen.function) : short(value);
  // The name of the selected function is not a search text.
  const [search] = useDebouncedValue(typed === name ? "" : typed.trim(), SETTLE);
  const { data } = useAsked(PickFunctionDocument, { namespace: namespace ?? null, search: search || null });
  const found = (data?.functions.nodes ?? []).map((one) => ({ value: one.id, label: shownName(one) }));
  const more = (data?.functions.totalCount ?? 0) - found.length;
  const listed =
    value === undefined || found.some((one) => one.value === value) ? found : [{ value, label: name ?? "" }, ...found];
  return (
    <Select
      size="xs"
      placeholder="Any function"
      aria-label="Function"
      data={
        more > 0
          ? [...listed, { value: "", label: `${more.toLocaleString()} more: type a part of the name`, disabled: true }]
          : listed
      }
      value={value ?? null}
      onChange={(id) => choose(id ?? undefined)}
      onSearchChange={setTyped}
      // The server has already filtered, and it does not search in namespaces.
      filter={({ options }) => options}
      nothingFoundMessage="No function has a name like that"
      searchable
      clearable
      w={200}
    />
  );
}
