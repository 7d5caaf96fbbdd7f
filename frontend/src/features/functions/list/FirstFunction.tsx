// The empty list: four ways to create the first function.

import "@mantine/core/styles/ThemeIcon.css";
import { Box, Card, Group, SimpleGrid, Stack, Text, ThemeIcon, Title, UnstyledButton } from "@mantine/core";
import { Icon, type IconName } from "../../../ui/icons.tsx";
import { Empty } from "../../../ui/states.tsx";
import type { From } from "../register/from.ts";

const WAYS: { from: From; icon: IconName; title: string; text: string }[] = [
  {
    from: "write",
    icon: "function",
    title: "Write it here",
    text: "Take a template in Node or Python, change it in the browser, and call it. Nothing else is needed.",
  },
  {
    from: "git",
    icon: "build",
    title: "From a Git repository",
    text: "Any repository with a function.json, package.json or app.py: its address, and a branch or folder if you like.",
  },
  {
    from: "upload",
    icon: "down",
    title: "Upload a folder",
    text: "Drag a folder, a zip or a tar.gz from your disk. What tools made (node_modules, .git) stays behind.",
  },
  {
    from: "image",
    icon: "system",
    title: "From a container image",
    text: "Any image that listens on $PORT, where functions run in containers.",
  },
];

export function FirstFunction({ mayWrite, choose }: { mayWrite: boolean; choose: (from: From) => void }) {
  if (!mayWrite)
    return (
      <Empty title="No function yet">
        You can view functions, but not change anything: somebody else has to register one.
      </Empty>
    );
  return (
    <Stack gap="md" maw={820} mx="auto" py="lg" w="100%">
      <Box ta="center">
        <Title order={3}>Your first function in a minute</Title>
        <Text c="dimmed" size="sm" mt={4}>
          EventFlow builds it, runs it, gives it an address to be called at, and shows everything that it does.
        </Text>
      </Box>
      <SimpleGrid cols={{ base: 1, sm: 2 }} spacing="sm">
        {WAYS.map((way) => (
          <UnstyledButton key={way.from} onClick={() => choose(way.from)} className="way">
            <Card withBorder h="100%" padding="md">
              <Group gap="sm" wrap="nowrap" align="flex-start">
                <ThemeIcon variant="light" size={34}>
                  <Icon name={way.icon} size={18} />
                </ThemeIcon>
                <div>
                  <Text fw={600}>{way.title}</Text>
                  <Text size="sm" c="dimmed">
                    {way.text}
                  </Text>
                </div>
              </Group>
            </Card>
          </UnstyledButton>
        ))}
      </SimpleGrid>
    </Stack>
  );
}
