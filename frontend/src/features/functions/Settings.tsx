// What a function's manifest says, as its current version has it.

import {
  Alert,
  Button,
  Card,
  Code,
  Grid,
  Group,
  Modal,
  PasswordInput,
  SimpleGrid,
  Stack,
  Table,
  Text,
  Title,
} from "@mantine/core";
import { useState } from "react";
import { useMutation } from "urql";
import { useViewer } from "../../app/session.tsx";
import { FunctionChangedDocument, FunctionSettingsDocument, SetSecretDocument } from "../../graphql/generated.ts";
import { useAsked, useFollowed } from "../../graphql/live.ts";
import { accepted, tellDone } from "../../ui/notify.ts";
import { Fact } from "../../ui/page.tsx";
import { Failure, Waiting } from "../../ui/states.tsx";
import { When } from "../../ui/when.tsx";
import { origin } from "./model.ts";
import { Triggers } from "./Triggers.tsx";

type Group_ = Record<string, unknown>;

function part(manifest: unknown, name: string): Group_ {
  const value = (manifest as Group_ | null | undefined)?.[name];
  return typeof value === "object" && value !== null ? (value as Group_) : {};
}

const LABELS: Record<string, string> = {
  memory_mb: "Memory, MiB",
  cpu: "CPUs",
  timeout_s: "Timeout, s",
  pids: "Processes",
  network: "Network",
  min: "Instances at least",
  max: "Instances at most",
  concurrency: "Calls at once each",
  idle_s: "Idle until stopped, s",
  max_attempts: "Attempts at most",
  backoff_s: "First pause, s",
  backoff_max_s: "Longest pause, s",
};

export function Settings({ id }: { id: string }) {
  const { data, error, again, look } = useAsked(FunctionSettingsDocument, { id });
  useFollowed(FunctionChangedDocument, { id }, look);
  const [setting, setSetting] = useState<string | null>(null);
  const { mayWrite } = useViewer();
  if (error && !data) return <Failure error={error} again={again} />;
  if (!data) return <Waiting again={again} />;
  const of = data.function;
  if (!of) return null;
  const manifest = of.currentVersion?.manifest;
  const env = Object.entries(part(manifest, "env"));
  const named = new Set<string>([
    ...((manifest as { secrets?: string[] } | undefined)?.secrets ?? []),
    ...of.triggers.flatMap((trigger) => (trigger.secret ? [trigger.secret] : [])),
  ]);
  const known = new Map(
    data.secrets.filter((secret) => secret.namespace === of.namespace).map((secret) => [secret.name, secret.setAt]),
  );
  return (
    <Stack gap="md">
      {!of.currentVersion && (
        <Alert color="gray">Nothing is built yet: what the manifest says is known with the first version.</Alert>
      )}
      <Grid gap="md">
        <Grid.Col span={{ base: 12, md: 6 }}>
          <Triggers triggers={of.triggers} times />
        </Grid.Col>
        <Grid.Col span={{ base: 12, md: 6 }}>
          <Stack gap="md">
            <Card withBorder>
              <Title order={3} size="h5" mb="sm">
                Variables
              </Title>
              {env.length === 0 ? (
                <Text size="sm" c="dimmed">
                  None. <Code>env</Code> in function.json sets them.
                </Text>
              ) : (
                <Table>
                  <Table.Tbody>
                    {env.map(([name, value]) => (
                      <Table.Tr key={name}>
                        <Table.Td className="mono">{name}</Table.Td>
                        <Table.Td className="mono" style={{ overflowWrap: "anywhere" }}>
                          {String(value)}
                        </Table.Td>
                      </Table.Tr>
                    ))}
                  </Table.Tbody>
                </Table>
              )}
            </Card>
            <Card withBorder>
              <Title order={3} size="h5" mb="sm">
                Secrets
              </Title>
              {named.size === 0 ? (
                <Text size="sm" c="dimmed">
                  None. <Code>secrets</Code> in function.json names those of the namespace that it wants.
                </Text>
              ) : (
                <Stack gap="xs">
                  {[...named].map((name) => (
                    <Group key={name} justify="space-between" wrap="nowrap">
                      <span className="mono">{name}</span>
                      <Group gap="xs" wrap="nowrap">
                        {known.has(name) ? (
                          <Text size="xs" c="dimmed">
                            set <When at={known.get(name)} />
                          </Text>
                        ) : (
                          <Text size="xs" c="red">
                            not set
                          </Text>
                        )}
                        {mayWrite && (
                          <Button size="compact-xs" variant="default" onClick={() => setSetting(name)}>
                            {known.has(name) ? "Replace" : "Set"}
                          </Button>
                        )}
                      </Group>
                    </Group>
                  ))}
                </Stack>
              )}
            </Card>
          </Stack>
        </Grid.Col>
      </Grid>
      <SimpleGrid cols={{ base: 1, sm: 3 }}>
        {(["resources", "scaling", "retry"] as const).map((name) => (
          <Card key={name} withBorder>
            <Title order={3} size="h5" mb="sm" tt="capitalize">
              {name}
            </Title>
            <SimpleGrid cols={2} spacing="xs">
              {Object.entries(part(manifest, name)).map(([key, value]) => (
                <Fact key={key} name={LABELS[key] ?? key}>
                  {typeof value === "boolean" ? (value ? "yes" : "no") : String(value)}
                </Fact>
              ))}
            </SimpleGrid>
          </Card>
        ))}
      </SimpleGrid>
      <Card withBorder>
        <Fact name="Source of the next build">{origin(of.source)}</Fact>
      </Card>
      <Modal opened={setting !== null} onClose={() => setSetting(null)} title={`Secret ${setting ?? ""}`}>
        {setting && <SetSecret namespace={of.namespace} name={setting} close={() => setSetting(null)} />}
      </Modal>
    </Stack>
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
