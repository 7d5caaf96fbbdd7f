// The variables of a function, and the secrets that it gets as variables. A secret's value is never shown.

import {
  ActionIcon,
  Badge,
  Button,
  Card,
  Group,
  Modal,
  PasswordInput,
  Stack,
  Text,
  TextInput,
  Title,
} from "@mantine/core";
import { useState } from "react";
import { useMutation } from "urql";
import { RemoveSecretDocument, SetSecretDocument } from "../../../graphql/generated.ts";
import { Confirm } from "../../../ui/confirm.tsx";
import { Icon } from "../../../ui/icons.tsx";
import { accepted, tellDone } from "../../../ui/notify.ts";
import { When } from "../../../ui/when.tsx";
import { type Manifest, objectOf, part, type Row, rowsOf, secretsOf, twice, variableFault } from "./manifest.ts";

export interface Editing {
  manifest: Manifest;
  change: (manifest: Manifest) => void;
  readOnly: boolean;
  /** What does not fit at a path of the manifest. */
  fault: (path: string) => string | undefined;
}

export function Variables({ manifest, change, readOnly, fault }: Editing) {
  // Rows hold what a manifest cannot: a name that is not written yet, or stands twice.
  const [rows, setRows] = useState<readonly Row[]>(() => rowsOf(part(manifest, "env")));
  const double = twice(rows);
  const set = (next: readonly Row[]) => {
    setRows(next);
    change({ ...manifest, env: objectOf(next) });
  };
  const edit = (key: number, what: Partial<Row>) =>
    set(rows.map((row) => (row.key === key ? { ...row, ...what } : row)));
  return (
    <Card withBorder>
      <Group justify="space-between" mb="sm">
        <Title order={3} size="h5">
          Variables
        </Title>
        {!readOnly && (
          <Button
            size="compact-xs"
            variant="default"
            leftSection={<Icon name="plus" size={12} />}
            onClick={() =>
              set([...rows, { key: Math.max(-1, ...rows.map(({ key }) => key)) + 1, name: "", value: "" }])
            }
          >
            Add a variable
          </Button>
        )}
      </Group>
      {rows.length === 0 && (
        <Text size="sm" c="dimmed">
          None. They are written into the history in the open: what nobody may see belongs into a secret.
        </Text>
      )}
      <Stack gap="xs">
        {rows.map((row) => (
          <Group key={row.key} gap={6} wrap="nowrap" align="flex-start">
            <TextInput
              size="xs"
              aria-label="Name of a variable"
              placeholder="NAME"
              value={row.name}
              onChange={(event) => edit(row.key, { name: event.currentTarget.value })}
              error={
                double.has(row.name)
                  ? "Stands twice: the last one counts"
                  : (variableFault(row.name) ?? fault(`/env/${row.name}`))
              }
              readOnly={readOnly}
              style={{ flex: 2 }}
              className="mono-input"
            />
            <TextInput
              size="xs"
              aria-label={`Value of ${row.name || "the variable"}`}
              value={row.value}
              onChange={(event) => edit(row.key, { value: event.currentTarget.value })}
              readOnly={readOnly}
              style={{ flex: 3 }}
              className="mono-input"
            />
            {!readOnly && (
              <ActionIcon
                variant="subtle"
                color="gray"
                size={30}
                aria-label={`Remove ${row.name || "the variable"}`}
                onClick={() => set(rows.filter(({ key }) => key !== row.key))}
              >
                <Icon name="trash" size={14} />
              </ActionIcon>
            )}
          </Group>
        ))}
      </Stack>
    </Card>
  );
}

/** When each secret of the namespace was set. */
export type Known = ReadonlyMap<string, string>;

export function Secrets({
  manifest,
  change,
  readOnly,
  mayWrite,
  namespace,
  known,
}: Editing & { namespace: string; known: Known; mayWrite: boolean }) {
  const { own, webhooks } = secretsOf(manifest);
  const [name, setName] = useState("");
  const wrong = variableFault(name) ?? (own.includes(name) ? "It is there already" : null);
  const add = () => {
    if (name === "" || wrong) return;
    change({ ...manifest, secrets: [...own, name] });
    setName("");
  };
  return (
    <Card withBorder>
      <Title order={3} size="h5" mb={4}>
        Secrets
      </Title>
      <Text size="xs" c="dimmed" mb="sm">
        They belong to the namespace {namespace}, are kept encrypted, and are never shown again. A function gets those
        that it names, as variables. Setting one takes effect at once; naming one, with the next build.
      </Text>
      <Stack gap="xs">
        {own.length + webhooks.length === 0 && (
          <Text size="sm" c="dimmed">
            None is named.
          </Text>
        )}
        {[...own.map((one) => [one, true] as const), ...webhooks.map((one) => [one, false] as const)].map(
          ([one, mine]) => (
            <Secret
              key={one}
              name={one}
              namespace={namespace}
              setAt={known.get(one)}
              note={mine ? null : "proves a webhook"}
              mayWrite={mayWrite}
              forget={
                mine && !readOnly
                  ? () => change({ ...manifest, secrets: own.filter((other) => other !== one) })
                  : undefined
              }
            />
          ),
        )}
        {!readOnly && (
          <Group gap={6} align="flex-start">
            <TextInput
              size="xs"
              aria-label="Name of a secret"
              placeholder="API_KEY"
              value={name}
              onChange={(event) => setName(event.currentTarget.value)}
              onKeyDown={(event) => {
                if (event.key === "Enter") add();
              }}
              error={wrong}
              className="mono-input"
            />
            <Button size="xs" variant="default" onClick={add} disabled={name === "" || wrong !== null}>
              Name another
            </Button>
          </Group>
        )}
      </Stack>
    </Card>
  );
}

/** One secret: whether it is set, and setting it. */
export function Secret({
  name,
  namespace,
  setAt,
  note,
  mayWrite,
  forget,
}: {
  name: string;
  namespace: string;
  setAt: string | undefined;
  note: string | null;
  mayWrite: boolean;
  forget?: (() => void) | undefined;
}) {
  const [, remove] = useMutation(RemoveSecretDocument);
  const [setting, setSetting] = useState(false);
  const [removing, setRemoving] = useState(false);
  return (
    <Group justify="space-between" gap="xs">
      <Group gap="xs" style={{ minWidth: 0 }}>
        <span className="mono" style={{ overflowWrap: "anywhere" }}>
          {name}
        </span>
        {setAt === undefined ? (
          <Badge color="red" variant="light" size="sm" radius="sm" style={{ textTransform: "none" }}>
            not set
          </Badge>
        ) : (
          <Text size="xs" c="dimmed">
            set <When at={setAt} />
          </Text>
        )}
        {note && (
          <Text size="xs" c="dimmed">
            {note}
          </Text>
        )}
      </Group>
      {mayWrite && (
        <Group gap={4}>
          <Button
            size="compact-xs"
            variant={setAt === undefined ? "filled" : "default"}
            onClick={() => setSetting(true)}
            aria-label={`${setAt === undefined ? "Set" : "Replace"} ${name}`}
          >
            {setAt === undefined ? "Set" : "Replace"}
          </Button>
          {setAt !== undefined && (
            <Button
              size="compact-xs"
              variant="subtle"
              color="red"
              onClick={() => setRemoving(true)}
              aria-label={`Remove the value of ${name}`}
            >
              Remove
            </Button>
          )}
          {forget && (
            <Button size="compact-xs" variant="subtle" color="gray" onClick={forget} aria-label={`Do not use ${name}`}>
              Do not use
            </Button>
          )}
        </Group>
      )}
      <Modal opened={setting} onClose={() => setSetting(false)} title={`Secret ${name}`}>
        {setting && <SetSecret namespace={namespace} name={name} close={() => setSetting(false)} />}
      </Modal>
      <Confirm
        opened={removing}
        close={() => setRemoving(false)}
        title={`Remove the secret ${name}?`}
        act="Remove"
        danger
        onConfirm={async () => {
          const { data, error } = await remove({ namespace, name });
          if (accepted(`${name} was not removed`, error, data?.removeSecret)) tellDone(`${name} is removed.`);
        }}
      >
        <Text size="sm">
          What runs keeps what it was given. But no function of {namespace} that names it starts any more, and webhooks
          that are proved with it are refused, until it is set again.
        </Text>
      </Confirm>
    </Group>
  );
}

function SetSecret({ namespace, name, close }: { namespace: string; name: string; close: () => void }) {
  const [{ fetching }, set] = useMutation(SetSecretDocument);
  const [value, setValue] = useState("");
  return (
    <form
      onSubmit={async (event) => {
        event.preventDefault();
        const { data, error } = await set({ namespace, name, value });
        if (!accepted(`${name} was not set`, error, data?.setSecret)) return;
        tellDone(`${name} is set. Running functions that name it get new instances.`);
        close();
      }}
    >
      <Stack>
        <Text size="sm">
          Kept encrypted and never shown again, here or in the log. Every function of {namespace} that names it gets it.
        </Text>
        <PasswordInput
          label="Value"
          value={value}
          onChange={(event) => setValue(event.currentTarget.value)}
          autoComplete="off"
          required
          data-autofocus
        />
        <Group justify="flex-end">
          <Button variant="default" onClick={close}>
            Cancel
          </Button>
          <Button type="submit" loading={fetching}>
            Set
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
