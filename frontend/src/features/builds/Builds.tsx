// The builds of a function, and the log of one of them as it is written.

import { Alert, Anchor, Box, Button, Card, Group, Stack, Text, UnstyledButton } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useEffect } from "react";
import { useMutation } from "urql";
import { useViewer } from "../../app/session.tsx";
import {
  BuildChangedDocument,
  type BuildRowFragment,
  BuildsDocument,
  CancelBuildDocument,
} from "../../graphql/generated.ts";
import { useAsked, useFollowed } from "../../graphql/live.ts";
import { duration, short } from "../../lib/time.ts";
import { Icon } from "../../ui/icons.tsx";
import { Log } from "../../ui/log.tsx";
import { accepted } from "../../ui/notify.ts";
import { Empty, Failure, Waiting } from "../../ui/states.tsx";
import { Status } from "../../ui/status.tsx";
import { When } from "../../ui/when.tsx";
import { useActions } from "../functions/useActions.ts";
import { useLines } from "../runs/useLines.ts";
import { tookOf } from "./model.ts";

interface Props {
  id: string;
  chosen: string | undefined;
  choose: (build: string | undefined) => void;
}

export function Builds({ id, chosen, choose }: Props) {
  const { mayWrite } = useViewer();
  const actions = useActions();
  const { data, error, again, look } = useAsked(BuildsDocument, { function: id });
  useFollowed(BuildChangedDocument, { function: id }, look);
  // A build that has just been asked for is not in the list yet.
  useEffect(() => {
    if (chosen && data && !data.function?.builds.nodes.some((build) => build.id === chosen)) look();
  }, [chosen, data, look]);
  if (error && !data) return <Failure error={error} again={again} />;
  if (!data) return <Waiting again={again} />;
  const builds = data.function?.builds.nodes ?? [];
  const shown = builds.find((build) => build.id === chosen) ?? builds[0];
  const anew = mayWrite && (
    <Button
      size="xs"
      variant="default"
      leftSection={<Icon name="build" size={13} />}
      onClick={async () => {
        const build = await actions.build({ id, name: "It" });
        if (build) choose(build);
      }}
    >
      Build anew
    </Button>
  );
  if (!shown) return <Empty title="Nothing was built yet" action={anew} />;
  return (
    <Group align="flex-start" gap="md" wrap="wrap">
      <Stack gap={6} w={{ base: "100%", md: 260 }}>
        {anew}
        <Box mah={{ base: 220, md: "70vh" }} style={{ overflowY: "auto" }}>
          {builds.map((build) => (
            <UnstyledButton
              key={build.id}
              onClick={() => choose(build.id)}
              aria-current={build.id === shown.id}
              w="100%"
              p="xs"
              style={{
                borderRadius: 6,
                ...(build.id === shown.id ? { background: "var(--mantine-color-default-hover)" } : {}),
              }}
            >
              <Group gap="xs" justify="space-between" wrap="nowrap">
                <Status state={build.state} size="xs" />
                <When at={build.requestedAt} size="xs" c="dimmed" />
              </Group>
              <Text size="xs" c="dimmed" mt={4}>
                {build.version ? `made v${build.version.number}` : "no version"}
                {build.commit && ` · ${short(build.commit)}`}
                {tookOf(build) !== null && ` · ${duration(tookOf(build))}`}
              </Text>
            </UnstyledButton>
          ))}
        </Box>
      </Stack>
      <Box style={{ flex: "1 1 320px", minWidth: 0 }}>
        <One key={shown.id} build={shown} id={id} />
      </Box>
    </Group>
  );
}

function One({ build, id }: { build: BuildRowFragment; id: string }) {
  const { mayWrite } = useViewer();
  const [, cancel] = useMutation(CancelBuildDocument);
  const { lines, version, dropped, error, over } = useLines({ build: build.id });
  const open = build.state === "QUEUED" || build.state === "RUNNING";
  return (
    <Card withBorder padding="sm">
      <Stack gap="xs">
        <Group gap="xs" justify="space-between">
          <Group gap="xs">
            <Status state={build.state} />
            <Text size="sm" c="dimmed">
              asked for <When at={build.requestedAt} />
              {tookOf(build) !== null && `, took ${duration(tookOf(build))}`}
            </Text>
          </Group>
          {open && mayWrite && (
            <Button
              size="compact-xs"
              variant="default"
              onClick={async () => {
                const { data, error: fault } = await cancel({ id: build.id });
                accepted("It was not cancelled", fault, data?.cancelBuild);
              }}
            >
              Cancel
            </Button>
          )}
        </Group>
        {build.error && (
          <Alert color="red" p="xs" title="It made no version">
            <Text size="sm" style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>
              {build.error}
            </Text>
          </Alert>
        )}
        {build.version && (
          <Text size="sm">
            It made{" "}
            <Anchor component={Link} to={`/functions/${id}/versions`}>
              version {build.version.number}
            </Anchor>
            .
          </Text>
        )}
        {error ? (
          <Text size="sm" c="red">
            {error}
          </Text>
        ) : (
          <Log
            lines={lines}
            version={version}
            dropped={dropped}
            height="50vh"
            empty={over ? "It has written nothing." : "Waiting for the first line …"}
          />
        )}
      </Stack>
    </Card>
  );
}
