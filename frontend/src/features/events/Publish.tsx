// Publishing an event, and seeing which functions it reached.

import { Alert, Anchor, Autocomplete, Button, Group, Select, Stack, Text, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { Link } from "@tanstack/react-router";
import { useRef, useState } from "react";
import { useMutation } from "urql";
import {
  AwaitedDocument,
  type AwaitedQuery,
  NamespacesDocument,
  PublishEventDocument,
  WhoWaitsDocument,
} from "../../graphql/generated.ts";
import { useAsked } from "../../graphql/live.ts";
import { isOwn, preset } from "../../lib/namespace.ts";
import { JsonEditor } from "../../ui/jsonEditor.tsx";
import { errorText } from "../../ui/states.tsx";
import { useViewer } from "../auth/viewer.tsx";
import { dataFault, templates, typeFault, waitingWords } from "./model.ts";
import { Reach } from "./Reach.tsx";

export function Publish({ close }: { close: () => void }) {
  const [{ fetching }, publish] = useMutation(PublishEventDocument);
  const viewer = useViewer();
  const { data: namespaces } = useAsked(NamespacesDocument, {});
  const known = useTemplates();
  const [type, setType] = useState("user.registered");
  const [touched, setTouched] = useState(false);
  const [namespace, setNamespace] = useState(() => preset(viewer.namespaces));
  const [source, setSource] = useState("");
  const [subject, setSubject] = useState("");
  const [data, setData] = useState(() => JSON.stringify(templates([])[0]?.data, null, 2));
  const [fault, setFault] = useState<string | null>(null);
  const [made, setMade] = useState<{ id: string; duplicate: boolean } | null>(null);

  if (made) {
    return (
      <Stack gap="sm">
        <Alert color={made.duplicate ? "yellow" : "teal"} p="xs">
          {made.duplicate
            ? "This event had been taken before; nothing was added."
            : "The event is in the log, and will be kept."}{" "}
          <Anchor component={Link} to={`/events/${made.id}`} size="sm" c="inherit" underline="always">
            Open it
          </Anchor>
        </Alert>
        <Reach id={made.id} />
        <Group justify="flex-end">
          <Button variant="default" onClick={() => setMade(null)}>
            Publish another
          </Button>
          <Button onClick={close}>Done</Button>
        </Group>
      </Stack>
    );
  }
  const wrongType = typeFault(type);
  const wrongData = dataFault(data);
  return (
    <form
      onSubmit={async (event) => {
        event.preventDefault();
        setTouched(true);
        setFault(null);
        if (wrongType || wrongData) return;
        const result = await publish({
          input: {
            namespace,
            type: type.trim(),
            data: data.trim() === "" ? null : JSON.parse(data),
            ...(source.trim() ? { source: source.trim() } : {}),
            ...(subject.trim() ? { subject: subject.trim() } : {}),
          },
        });
        const answer = result.data?.publishEvent;
        if (result.error) setFault(errorText(result.error));
        else if (answer?.event) setMade({ id: answer.event.id, duplicate: answer.duplicate });
        else setFault(answer?.userErrors.map((one) => one.message).join(" ") || "The event was not taken.");
      }}
    >
      <Stack gap="sm">
        {fault && (
          <Alert color="red" p="xs" title="The event was not taken">
            {fault}
          </Alert>
        )}
        <Select
          label="Begin with"
          placeholder="A template"
          data={known.all.map(({ label, namespace: of }) => ({
            value: `${of ?? ""} ${label}`,
            label: of === undefined || isOwn(of) ? label : `${label} in ${of}`,
          }))}
          onSearchChange={known.search}
          onChange={(value) => {
            const template = known.all.find(({ label, namespace: of }) => `${of ?? ""} ${label}` === value);
            if (!template) return;
            setType(template.type);
            setData(JSON.stringify(template.data, null, 2));
            if (template.namespace) setNamespace(template.namespace);
          }}
          searchable
        />
        <Group grow align="flex-start">
          <TextInput
            label="Type"
            placeholder="file.uploaded"
            value={type}
            onChange={(event) => setType(event.currentTarget.value)}
            onBlur={() => setTouched(true)}
            error={touched ? wrongType : null}
            required
            data-autofocus
          />
          <Autocomplete
            label="Namespace"
            data={namespaces?.namespaces.map(({ name }) => name) ?? []}
            value={namespace}
            onChange={setNamespace}
            required
          />
        </Group>
        {!wrongType && <WhoWaits namespace={namespace.trim()} type={type.trim()} />}
        <Group grow>
          <TextInput
            label="Source"
            placeholder="/graphql"
            value={source}
            onChange={(event) => setSource(event.currentTarget.value)}
          />
          <TextInput label="Subject" value={subject} onChange={(event) => setSubject(event.currentTarget.value)} />
        </Group>
        <JsonEditor label="Data" value={data} onChange={setData} height={180} />
        {wrongData?.includes("KiB") && (
          <Text size="xs" c="red" role="alert">
            {wrongData}
          </Text>
        )}
        <Group justify="flex-end">
          <Button variant="default" onClick={close}>
            Cancel
          </Button>
          <Button type="submit" loading={fetching} disabled={wrongData !== null || wrongType !== null}>
            Publish
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

/** The server is queried when typing has paused for this long, in milliseconds. */
const SETTLE = 200;

/** Which functions an event of this type would reach, judging by the type alone. */
function WhoWaits({ namespace, type }: { namespace: string; type: string }) {
  const [asked] = useDebouncedValue(`${namespace} ${type}`, SETTLE);
  const [of = "", kind = ""] = asked.split(" ");
  const { data, error, old } = useAsked(WhoWaitsDocument, { namespace: of, type: kind }, of === "" || kind === "");
  const found = error || old || asked !== `${namespace} ${type}` ? undefined : data?.functions;
  return (
    <Text size="xs" c="dimmed" role="status">
      {found
        ? waitingWords(
            found.nodes.map(({ name }) => name),
            found.totalCount,
          )
        : error
          ? errorText(error)
          : "Looking who waits for this type …"}
    </Text>
  );
}

/** Templates for the typed text; the ones found before stay listed. */
function useTemplates() {
  const [typed, search] = useState("");
  const [asked] = useDebouncedValue(typed.trim(), SETTLE);
  const seen = useRef(new Map<string, Awaited_>());
  const { data } = useAsked(AwaitedDocument, { search: asked || null });
  for (const one of data?.functions.nodes ?? []) seen.current.set(one.id, one);
  return { all: templates([...seen.current.values()]), search };
}

type Awaited_ = AwaitedQuery["functions"]["nodes"][number];
