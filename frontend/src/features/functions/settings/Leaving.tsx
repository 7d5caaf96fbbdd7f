// Warns before leaving a page with unsaved settings.

import { Button, Group, Modal, Stack, Text } from "@mantine/core";
import { useBlocker } from "@tanstack/react-router";

export function Leaving({ name, dirty }: { name: string; dirty: boolean }) {
  // Another tab of the settings is the same page; the sign-in page appears when the session ends.
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
