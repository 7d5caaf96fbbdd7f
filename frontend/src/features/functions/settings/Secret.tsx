// One secret of a namespace: whether it is set, and setting it. Its value is never shown.

import { Badge, Button, Group, Modal, PasswordInput, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { useMutation } from "urql";
import { RemoveSecretDocument, SetSecretDocument } from "../../../graphql/generated.ts";
import { Confirm } from "../../../ui/confirm.tsx";
import { accepted, notifyDone } from "../../../ui/notify.ts";
import { When } from "../../../ui/when.tsx";

/** One secret: whether it is set, and setting it. */
export function Secret({
  name,
  namespace,
  setAt,
  note,
  mayWrite,
  forget,
  registry,
}: {
  name: string;
  namespace: string;
  setAt: string | undefined;
  note: string | null;
  mayWrite: boolean;
  forget?: (() => void) | undefined;
  /** The registry that it is the login for, which not every image needs. */
  registry?: string;
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
          <Badge
            color={registry ? "gray" : "red"}
            variant="light"
            size="sm"
            radius="sm"
            style={{ textTransform: "none" }}
          >
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
            variant={setAt === undefined && !registry ? "filled" : "default"}
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
        {setting && <SetSecret namespace={namespace} name={name} registry={registry} close={() => setSetting(false)} />}
      </Modal>
      <Confirm
        opened={removing}
        close={() => setRemoving(false)}
        title={`Remove the secret ${name}?`}
        act="Remove"
        danger
        onConfirm={async () => {
          const { data, error } = await remove({ namespace, name });
          if (accepted(`${name} was not removed`, error, data?.removeSecret)) notifyDone(`${name} is removed.`);
        }}
      >
        <Text size="sm">
          {registry
            ? `What was pulled stays. But no private image of ${registry} is pulled for ${namespace} until it is set again.`
            : `What runs keeps what it was given. But no function of ${namespace} that names it starts any more, and webhooks that are proved with it are refused, until it is set again.`}
        </Text>
      </Confirm>
    </Group>
  );
}

function SetSecret({
  namespace,
  name,
  registry,
  close,
}: {
  namespace: string;
  name: string;
  registry: string | undefined;
  close: () => void;
}) {
  const [{ fetching }, set] = useMutation(SetSecretDocument);
  const [value, setValue] = useState("");
  return (
    <form
      onSubmit={async (event) => {
        event.preventDefault();
        const { data, error } = await set({ namespace, name, value });
        if (!accepted(`${name} was not set`, error, data?.setSecret)) return;
        notifyDone(
          registry
            ? `${name} is set. The next build pulls with it.`
            : `${name} is set. Running functions that name it get new instances.`,
        );
        close();
      }}
    >
      <Stack>
        <Text size="sm">
          Kept encrypted and never shown again, here or in the log.{" "}
          {registry
            ? `Builds of ${namespace} pull from ${registry} with it; no function gets it.`
            : `Every function of ${namespace} that names it gets it.`}
        </Text>
        <PasswordInput
          label={registry ? "USER:PASSWORD or USER:TOKEN" : "Value"}
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
