// What a built function needs before it can run: its secrets, and to be started.

import { Alert, Button, Code, Group, Stack, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { BeforeStartDocument, type FunctionRowFragment } from "../../graphql/generated.ts";
import { useAsked } from "../../graphql/live.ts";
import { unset } from "./model.ts";

export function Unstarted({ of }: { of: FunctionRowFragment }) {
  const { data } = useAsked(BeforeStartDocument, { id: of.id });
  const missing = unset(data?.function?.currentVersion?.manifest, of.namespace, data?.secrets ?? []);
  if (!data || missing.length === 0) {
    return (
      <Alert color="blue" p="xs">
        <Text size="sm">It is built but not running yet. Start it to answer calls and other triggers.</Text>
      </Alert>
    );
  }
  return (
    <Alert color="orange" p="xs" title="It is built, and needs something before you start it">
      <Stack gap="xs">
        <Text size="sm" style={{ overflowWrap: "anywhere" }}>
          It does not start without {missing.length === 1 ? "this secret, which is" : "these secrets, which are"} not
          set:{" "}
          {missing.map((name, index) => (
            <span key={name}>
              {index > 0 && ", "}
              <Code>{name}</Code>
            </span>
          ))}
        </Text>
        <Group gap="xs">
          <Button
            size="compact-sm"
            variant="default"
            component={Link}
            to={`/functions/${of.id}/settings?part=variables`}
          >
            Set {missing.length === 1 ? "the secret" : "the secrets"}
          </Button>
        </Group>
      </Stack>
    </Alert>
  );
}
