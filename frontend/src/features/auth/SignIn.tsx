// The sign-in page: what the server offers, and why it refused.

import {
  Alert,
  Button,
  Card,
  Center,
  Group,
  PasswordInput,
  Skeleton,
  Stack,
  Text,
  TextInput,
  Title,
} from "@mantine/core";
import { useCallback, useEffect, useRef, useState } from "react";
import { Icon } from "../../ui/icons.tsx";
import { type Methods, methods } from "./methods.ts";
import { signIn } from "./session.ts";

/** The only credentials that a server started with `--dev` accepts. */
const DEV = "admin";
/** The time limit for the server to say what it offers, in milliseconds. */
const PATIENCE = 8_000;
/** How often a server that is not available is asked again, in milliseconds. */
const AGAIN = 3_000;

export function SignIn({ done }: { done: () => void }) {
  const [offered, setOffered] = useState<Methods | null>(null);
  const [away, setAway] = useState(false);
  const look = useCallback(async () => {
    try {
      setOffered(await methods(AbortSignal.timeout(PATIENCE)));
      setAway(false);
    } catch {
      setAway(true);
    }
  }, []);
  useEffect(() => {
    document.title = "Sign in · EventFlow";
    void look();
  }, [look]);
  // Notices by itself when the server becomes available.
  useEffect(() => {
    if (!away) return;
    const timer = setInterval(() => void look(), AGAIN);
    return () => clearInterval(timer);
  }, [away, look]);

  return (
    <Center mih="100vh" p="md" component="main">
      <Card withBorder shadow="sm" padding="xl" w="100%" maw={380}>
        <Stack>
          <Group gap="xs">
            <Icon name="event" size={24} color="var(--mantine-primary-color-filled)" />
            <Title order={1} size="h3">
              EventFlow
            </Title>
          </Group>
          {away && (
            <Alert color="red" p="xs" role="alert" title="The server does not answer">
              Is it running? It is asked again every few seconds.
            </Alert>
          )}
          {offered ? (
            <Ways offered={offered} done={done} lost={() => setAway(true)} />
          ) : (
            !away && (
              <Stack gap="sm" role="status" aria-label="Asking the server what it offers">
                <Skeleton height={56} />
                <Skeleton height={56} />
                <Skeleton height={36} />
              </Stack>
            )
          )}
        </Stack>
      </Card>
    </Center>
  );
}

function Ways({ offered, done, lost }: { offered: Methods; done: () => void; lost: () => void }) {
  const [username, setUsername] = useState("admin");
  const [password, setPassword] = useState("");
  const [fault, setFault] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const [until, setUntil] = useState(0);
  const left = useLeft(until);
  const input = useRef<HTMLInputElement>(null);

  const submit = async (name: string, secret: string) => {
    setBusy(true);
    setFault(null);
    const refusal = await signIn(name, secret);
    setBusy(false);
    if (refusal === null) {
      done();
      return;
    }
    setFault(refusal.message);
    if (refusal.wait > 0) setUntil(Date.now() + refusal.wait * 1000);
    else if (/does not answer/.test(refusal.message)) lost();
    input.current?.select();
  };

  return (
    <>
      {(fault || left > 0) && (
        <Alert color="red" p="xs" role="alert">
          {fault} {left > 0 && `It can be tried again in ${left} s.`}
        </Alert>
      )}
      {offered.password && (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            void submit(username, password);
          }}
        >
          <Stack>
            <TextInput
              label="User name"
              value={username}
              onChange={(event) => setUsername(event.currentTarget.value)}
              autoComplete="username"
              required
            />
            <PasswordInput
              ref={input}
              label="Password"
              value={password}
              onChange={(event) => setPassword(event.currentTarget.value)}
              autoComplete="current-password"
              required
              data-autofocus
            />
            <Button type="submit" loading={busy} disabled={left > 0}>
              Sign in
            </Button>
          </Stack>
        </form>
      )}
      {offered.others.map(({ name, label, href }) => (
        <Button key={name} component="a" href={href} variant="default">
          {label}
        </Button>
      ))}
      {!offered.password && offered.others.length === 0 && (
        <Text size="sm" c="dimmed">
          This server offers no way in that this page knows. Programs sign in with a token.
        </Text>
      )}
      {offered.dev ? (
        <Alert color="blue" p="xs" title="This server runs with --dev">
          <Stack gap="xs" align="flex-start">
            <Text size="sm">It answers this machine only, and takes admin / admin.</Text>
            <Button size="xs" variant="white" onClick={() => void submit(DEV, DEV)} loading={busy} disabled={left > 0}>
              Sign in as admin
            </Button>
          </Stack>
        </Alert>
      ) : (
        offered.password && (
          <Text size="xs" c="dimmed">
            The first start of the server printed the password of admin.
          </Text>
        )
      )}
    </>
  );
}

/** Whole seconds until a time, counting down. */
function useLeft(until: number): number {
  const [now, setNow] = useState(() => Date.now());
  const running = until > now;
  useEffect(() => {
    setNow(Date.now());
    if (until <= Date.now()) return;
    const timer = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(timer);
  }, [until]);
  return running ? Math.ceil((until - now) / 1000) : 0;
}
