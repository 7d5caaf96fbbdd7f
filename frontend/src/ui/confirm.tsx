// A confirmation dialog for irreversible actions.

import { Button, Group, Modal, Stack, TextInput } from "@mantine/core";
import { type ReactNode, useEffect, useState } from "react";

interface Props {
  opened: boolean;
  close: () => void;
  title: string;
  children: ReactNode;
  /** The label of the button. */
  act: string;
  danger?: boolean;
  /** A word that has to be typed first. */
  type?: string;
  onConfirm: () => void | Promise<void>;
}

export function Confirm({ opened, close, title, children, act, danger = false, type, onConfirm }: Props) {
  const [typed, setTyped] = useState("");
  const [busy, setBusy] = useState(false);
  // What was typed once is cleared when the question is asked again.
  useEffect(() => {
    if (!opened) setTyped("");
  }, [opened]);
  const confirm = async () => {
    setBusy(true);
    try {
      await onConfirm();
    } finally {
      setBusy(false);
      setTyped("");
      close();
    }
  };
  return (
    <Modal opened={opened} onClose={close} title={title} centered>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void confirm();
        }}
      >
        <Stack gap="md">
          <div>{children}</div>
          {type && (
            <TextInput
              label={`Type ${type} to go on`}
              value={typed}
              onChange={(event) => setTyped(event.currentTarget.value)}
              autoComplete="off"
              data-autofocus
            />
          )}
          <Group justify="flex-end">
            <Button variant="default" onClick={close}>
              Cancel
            </Button>
            <Button
              type="submit"
              color={danger ? "red" : "indigo"}
              loading={busy}
              disabled={type !== undefined && typed !== type}
            >
              {act}
            </Button>
          </Group>
        </Stack>
      </form>
    </Modal>
  );
}
