// The name and namespace of a new function.

import { Anchor, Autocomplete, Group, Loader, Select, TextInput } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { NamespacesDocument } from "../../../graphql/generated.ts";
import { useAsked } from "../../../graphql/live.ts";
import { useViewer } from "../../auth/viewer.tsx";
import { nameFault } from "../name.ts";
import { useTaken } from "./useTaken.ts";

export function Naming({
  name,
  typed,
  setName,
  namespace,
  setNamespace,
  fault,
}: {
  name: string;
  /** Whether the name was typed; otherwise it is guessed. */
  typed: boolean;
  setName: (name: string) => void;
  namespace: string;
  setNamespace: (namespace: string) => void;
  fault: (field: string) => string | undefined;
}) {
  const { namespaces } = useViewer();
  const { data: there } = useAsked(NamespacesDocument, {}, namespaces !== null);
  const taken = useTaken(namespace, name);
  // No error is shown before something was typed.
  const wrong = name === "" && !typed ? null : nameFault(name);
  return (
    <Group grow align="flex-start">
      <TextInput
        label="Name"
        description={wrong || taken.id ? undefined : "A part of its address"}
        inputWrapperOrder={["label", "input", "description", "error"]}
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
        error={
          fault("name") ??
          wrong ??
          (taken.id && (
            <>
              There is a function of this name already:{" "}
              <Anchor component={Link} to={`/functions/${taken.id}`} size="xs">
                look at it
              </Anchor>
            </>
          ))
        }
        rightSection={taken.asking ? <Loader size={14} /> : null}
        required
      />
      {namespaces === null ? (
        <Autocomplete
          label="Namespace"
          description={fault("namespace") ? undefined : "A new one is created if needed"}
          inputWrapperOrder={["label", "input", "description", "error"]}
          data={there?.namespaces.map((one) => one.name) ?? []}
          value={namespace}
          onChange={setNamespace}
          error={fault("namespace")}
          required
        />
      ) : (
        namespaces.length > 1 && (
          <Select
            label="Namespace"
            data={namespaces}
            value={namespace}
            onChange={(value) => value && setNamespace(value)}
            error={fault("namespace")}
            allowDeselect={false}
          />
        )
      )}
    </Group>
  );
}
