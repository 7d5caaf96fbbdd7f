// Asking before a page with unsaved settings is left.

import { Button, Group, Modal, Stack, Text } from "@mantine/core";
import { useBlocker } from "@tanstack/react-router";

export function Leaving({ name, dirty }: { name: string; dirty: boolean }) {
  // Another part of the settings is the same page; the way in comes when the session is over.
  const leaving = useBlocker({
    shouldBlockFn: ({ current, next }) => dirty && next.pathname !== current.pathname && next.pathname !== "/sign-in",
    enableBeforeUnload: () => dirty,
    withResolver: true,
  });
  return (
    <Modal opened={leaving.status === "blocked"} onClose={() => leaving.reset?.()} title="Leave without saving?">
      <Stack>
        <Text size="sm">What you changed in the settings of {name} is not saved, and will be forgotten.</Text>
        <Group justify="flex-end">
          <Button variant="default" onClick={() => leaving.reset?.()}>
            Stay
          </Button>
          <Button color="red" onClick={() => leaving.proceed?.()}>
            Leave
          </Button>
        </Group>
      </Stack>
    </Modal>
  );
}
