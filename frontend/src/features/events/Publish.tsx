// Publishing an event, and seeing whom it reached.

import { Alert, Anchor, Autocomplete, Button, Group, Select, Stack, Text, TextInput } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useMutation } from "urql";
import { AwaitedDocument, PublishEventDocument } from "../../graphql/generated.ts";
import { useAsked } from "../../graphql/live.ts";
import { JsonEditor } from "../../ui/jsonEditor.tsx";
import { told } from "../../ui/states.tsx";
import { dataFault, fits, templates, typeFault } from "./model.ts";
import { Reach } from "./Reach.tsx";

export function Publish({ close }: { close: () => void }) {
  const [{ fetching }, publish] = useMutation(PublishEventDocument);
  const { data: awaited } = useAsked(AwaitedDocument, {});
  const functions = awaited?.functions.nodes ?? [];
  const known = templates(functions);
  const [type, setType] = useState("user.registered");
  const [touched, setTouched] = useState(false);
  const [namespace, setNamespace] = useState("default");
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
  const waiting = functions.filter(
    (one) =>
      one.namespace === namespace &&
      one.triggers.some((trigger) => trigger.type === "event" && trigger.pattern && fits(trigger.pattern, type.trim())),
  );
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
        if (result.error) setFault(told(result.error));
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
          data={known.map(({ label }, index) => ({ value: String(index), label }))}
          onChange={(index) => {
            const template = index === null ? undefined : known[Number(index)];
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
            data={awaited?.namespaces.map(({ name }) => name) ?? []}
            value={namespace}
            onChange={setNamespace}
            required
          />
        </Group>
        <Text size="xs" c="dimmed" role="status">
          {waiting.length === 0
            ? "No function of this namespace waits for this type. It is taken all the same."
            : `${waiting.map((one) => one.name).join(", ")} ${waiting.length === 1 ? "waits" : "wait"} for this type; filters are looked at when it comes in.`}
        </Text>
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
