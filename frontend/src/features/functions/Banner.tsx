// Shows what is wrong with a function, or what it still needs, and how to fix it.

import { Alert, Button, Code, Group, Stack, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import type { FunctionActivityFragment, FunctionRowFragment } from "../../graphql/generated.ts";
import { once } from "../../ui/once.ts";
import { useViewer } from "../auth/viewer.tsx";
import { Unstarted } from "./Unstarted.tsx";
import { useActions } from "./useActions.ts";
import type { Trouble } from "./useTrouble.ts";

export function Banner({ of, trouble }: { of: FunctionRowFragment & FunctionActivityFragment; trouble: Trouble }) {
  const { mayWrite } = useViewer();
  const actions = useActions();
  const build = of.builds.nodes[0];
  const at = `/functions/${of.id}`;
  const buildLog = build && (
    <Button size="compact-sm" variant="default" component={Link} to={`${at}/builds?build=${build.id}`}>
      See the build's log
    </Button>
  );
  const older = (of.currentVersion?.number ?? 0) > 1;

  if (of.state === "DEREGISTERED") {
    return (
      <Alert color="gray" p="xs">
        It is deregistered: it answers nothing any more. Its runs, logs and history stay to be looked at.
      </Alert>
    );
  }
  if (trouble.missing) {
    return (
      <Alert color="red" p="xs" title="A secret is not set">
        <Stack gap="xs">
          <Text size="sm" style={{ overflowWrap: "anywhere" }}>
            It does not start without the secret <Code>{trouble.missing}</Code>. It is tried again as soon as a call
            comes.
          </Text>
          {mayWrite && (
            <Group gap="xs">
              <Button size="compact-sm" component={Link} to={`${at}/settings?part=variables`}>
                Set the secret
              </Button>
            </Group>
          )}
        </Stack>
      </Alert>
    );
  }
  if (trouble.given) {
    return (
      <Alert color="blue" p="xs">
        <Text size="sm" style={{ overflowWrap: "anywhere" }}>
          It did not start without <Code>{trouble.given}</Code>, which is set now. The next call starts it.
        </Text>
      </Alert>
    );
  }
  if (trouble.broken) {
    return (
      <Alert color="red" p="xs" title="It should run, and does not">
        <Stack gap="xs">
          <Text size="sm" style={{ overflowWrap: "anywhere" }}>
            {of.stateReason}
          </Text>
          <Group gap="xs">
            <Button size="compact-sm" variant="default" component={Link} to={`${at}/logs`}>
              See what it wrote
            </Button>
            {older && mayWrite && (
              <Button size="compact-sm" variant="default" component={Link} to={`${at}/versions`}>
                Roll back
              </Button>
            )}
          </Group>
        </Stack>
      </Alert>
    );
  }
  if (build?.state === "FAILED") {
    return (
      <Alert color="orange" p="xs" title="The newest build failed">
        <Stack gap="xs">
          <Text size="sm" style={{ overflowWrap: "anywhere", whiteSpace: "pre-wrap" }} lineClamp={6}>
            {build.error ?? "Its log says why."}
            {of.currentVersion && of.state === "RUNNING" && ` Version ${of.currentVersion.number} goes on answering.`}
          </Text>
          <Group gap="xs">{buildLog}</Group>
        </Stack>
      </Alert>
    );
  }
  if (build && (build.state === "QUEUED" || build.state === "RUNNING")) {
    return (
      <Alert color="blue" p="xs">
        <Group gap="sm">
          <Text size="sm">{build.state === "QUEUED" ? "A build waits for its turn." : "It is being built."}</Text>
          {buildLog}
        </Group>
      </Alert>
    );
  }
  if (of.state === "REGISTERED" && mayWrite) {
    return (
      <Alert color="blue" p="xs">
        <Group gap="sm">
          <Text size="sm">Nothing is built yet.</Text>
          <Button size="compact-sm" onClick={once(() => actions.build(of))}>
            Build it
          </Button>
        </Group>
      </Alert>
    );
  }
  if (of.state === "BUILT" && mayWrite) {
    return <Unstarted of={of} />;
  }
  // For a function that runs and answers, the reason is outdated.
  return of.stateReason && of.state !== "RUNNING" ? (
    <Alert color="gray" p="xs">
      <Text size="sm" style={{ overflowWrap: "anywhere" }}>
        {of.stateReason}
      </Text>
    </Alert>
  ) : null;
}
