// The form for a call: method, path, query, headers and payload.

import { Alert, Anchor, Button, Group, Menu, Select, Stack, Text, TextInput } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { FunctionHeadQuery } from "../../../graphql/generated.ts";
import { Icon } from "../../../ui/icons.tsx";
import { JsonEditor } from "../../../ui/jsonEditor.tsx";
import { once } from "../../../ui/once.ts";
import { Headers } from "./Headers.tsx";
import { type Draft, draftFault, METHODS, samples, split } from "./invocation.ts";

/** Why a call was refused, and because of which field. */
export interface Refused {
  message: string;
  field: string[] | null;
}

export function CallForm({
  of,
  draft,
  change,
  refusals,
  sending,
  send,
}: {
  /** The function; undefined while it is loading. */
  of: FunctionHeadQuery["function"] | undefined;
  draft: Draft;
  change: (part: Partial<Draft>) => void;
  refusals: readonly Refused[];
  sending: boolean;
  send: () => Promise<void>;
}) {
  const fault = draftFault(draft);
  const at = (field: string) => refusals.find((one) => one.field?.includes(field))?.message;
  const general = refusals.filter((one) => !["method", "path", "query"].some((field) => one.field?.includes(field)));
  return (
    <Stack gap="sm">
      {of && of.state !== "RUNNING" && (
        <Alert color="yellow" p="xs">
          {of.state === "REGISTERED"
            ? "Nothing is built yet, so it refuses calls. Build it first."
            : "It does not run, so it refuses calls. Start it first."}
        </Alert>
      )}
      <Group gap="xs" align="flex-start" wrap="nowrap">
        <Select
          label="Method"
          data={[...METHODS]}
          value={draft.method}
          onChange={(method) => method && change({ method })}
          error={at("method")}
          allowDeselect={false}
          w={108}
          style={{ flexShrink: 0 }}
        />
        <TextInput
          label="Path"
          value={draft.path}
          onChange={(event) => change({ path: event.currentTarget.value })}
          onBlur={() => {
            const { path, query } = split(draft.path);
            change({ path, ...(query === null ? {} : { query }) });
          }}
          error={at("path")}
          style={{ flex: 1 }}
          className="mono-input"
        />
        <TextInput
          label="Query"
          placeholder="size=small"
          value={draft.query}
          onChange={(event) => change({ query: event.currentTarget.value.replace(/^\?/, "") })}
          error={at("query")}
          style={{ flex: 1 }}
          className="mono-input"
        />
      </Group>
      <Headers headers={draft.headers} change={(headers) => change({ headers })} />
      <JsonEditor
        label="Payload"
        value={draft.payload}
        onChange={(payload) => change({ payload })}
        height={200}
        onSubmit={() => void send()}
      />
      <Group gap="xs">
        <Button
          onClick={once(send)}
          loading={sending}
          disabled={fault !== null}
          leftSection={<Icon name="run" size={14} />}
        >
          Invoke
        </Button>
        <Menu position="bottom-start">
          <Menu.Target>
            <Button variant="default">Templates</Button>
          </Menu.Target>
          <Menu.Dropdown>
            {samples(of?.triggers ?? []).map((sample) => (
              <Menu.Item key={sample.label} onClick={() => change(sample.change)}>
                {sample.label}
                <Text size="xs" c="dimmed">
                  {sample.about}
                </Text>
              </Menu.Item>
            ))}
          </Menu.Dropdown>
        </Menu>
        <Text size="xs" c="dimmed" visibleFrom="xs">
          Ctrl Enter sends
        </Text>
      </Group>
      {general.length > 0 && (
        <Alert color="red" p="xs" role="alert" title="It was not called">
          {general.map((one) => one.message).join(" ")}
        </Alert>
      )}
      {of?.triggers.some(({ type }) => type === "event") && (
        <Text size="xs" c="dimmed">
          From here it is always called as <code>http.invoke</code>. To test an event trigger itself,{" "}
          <Anchor component={Link} to="/events?publish=yes" size="xs" underline="always">
            publish an event
          </Anchor>
          .
        </Text>
      )}
    </Stack>
  );
}
