// Shows who is signed in, with a button to sign out.

import { ActionIcon, Kbd, Menu } from "@mantine/core";
import { useLeave } from "../features/auth/useLeave.ts";
import { useViewer } from "../features/auth/viewer.tsx";
import { Icon } from "../ui/icons.tsx";

export default function Who({ help }: { help: () => void }) {
  const viewer = useViewer();
  const leave = useLeave();
  return (
    <Menu position="bottom-end" width={220}>
      <Menu.Target>
        <ActionIcon variant="subtle" color="gray" size={32} aria-label={`Signed in as ${viewer.name}`}>
          <Icon name="user" />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{viewer.name}</Menu.Label>
        <Menu.Item leftSection={<Icon name="keys" />} rightSection={<Kbd size="xs">?</Kbd>} onClick={help}>
          Keyboard shortcuts
        </Menu.Item>
        <Menu.Item leftSection={<Icon name="out" />} onClick={() => void leave()}>
          Sign out
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
