// The way in: a password. What else the server offers will stand here, too.

import { Alert, Button, Card, Center, Group, PasswordInput, Stack, Text, TextInput, Title } from "@mantine/core";
import { useEffect, useState } from "react";
import { acceptsDevToken } from "../../lib/server.ts";
import { Icon } from "../../ui/icons.tsx";
import { signIn } from "./session.ts";

/** The credentials of a server that was started with `--dev`, which takes no others. */
const DEV = "admin";

export function SignIn({ done }: { done: () => void }) {
  const [username, setUsername] = useState("admin");
  const [password, setPassword] = useState("");
  const [fault, setFault] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const [dev, setDev] = useState(false);
  useEffect(() => {
    document.title = "Sign in · EventFlow";
    void acceptsDevToken().then(setDev);
  }, []);

  const submit = async (name: string, secret: string) => {
    setBusy(true);
    setFault(null);
    const refused = await signIn(name, secret);
    setBusy(false);
    if (refused === null) done();
    else setFault(refused);
  };

  return (
    <Center mih="100vh" p="md" component="main">
      <Card withBorder shadow="sm" padding="xl" w="100%" maw={380}>
        <form
          onSubmit={(event) => {
            event.preventDefault();
            void submit(username, password);
          }}
        >
          <Stack>
            <Group gap="xs">
              <Icon name="event" size={24} color="var(--mantine-primary-color-filled)" />
              <Title order={1} size="h3">
                EventFlow
              </Title>
            </Group>
            {fault && (
              <Alert color="red" p="xs" role="alert">
                {fault}
              </Alert>
            )}
            <TextInput
              label="User name"
              value={username}
              onChange={(event) => setUsername(event.currentTarget.value)}
              autoComplete="username"
              required
            />
            <PasswordInput
              label="Password"
              value={password}
              onChange={(event) => setPassword(event.currentTarget.value)}
              autoComplete="current-password"
              required
              data-autofocus
            />
            <Button type="submit" loading={busy}>
              Sign in
            </Button>
            {dev ? (
              <Alert color="blue" p="xs" title="This server runs with --dev">
                <Stack gap="xs" align="flex-start">
                  <Text size="sm">It answers this machine only, and takes admin / admin.</Text>
                  <Button size="xs" variant="white" onClick={() => void submit(DEV, DEV)} loading={busy}>
                    Sign in as admin
                  </Button>
                </Stack>
              </Alert>
            ) : (
              <Text size="xs" c="dimmed">
                The first start of the server printed the password of admin.
              </Text>
            )}
          </Stack>
        </form>
      </Card>
    </Center>
  );
}
