// Why a run failed, with the relevant lines of its log.

import { Alert, Anchor, Code, Text } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { missingSecret, withoutMutation } from "../../../lib/secret.ts";
import { headline } from "../error.ts";
import type { Run } from "./run.ts";

/** Why it failed, with the relevant lines of its log. */
export function WhyFailed({ run, lastErrors }: { run: Run; lastErrors: string }) {
  return (
    <Alert
      color="red"
      p="sm"
      styles={{ body: { minWidth: 0 } }}
      title={run.state === "SUCCEEDED" || run.state === "RUNNING" ? "What went wrong before" : "Why it failed"}
    >
      <Text size="sm" style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere" }}>
        {run.error && (lastErrors === "" ? withoutMutation(run.error) : headline(run.error))}
      </Text>
      {missingSecret(run.error) && (
        <Anchor component={Link} to={`/functions/${run.function.id}/settings?part=variables`} size="sm">
          Go to the secrets of {run.function.name}
        </Anchor>
      )}
      {lastErrors !== "" && (
        <>
          <Text size="xs" mt="xs" mb={4}>
            The last errors that it wrote
          </Text>
          <Code block tabIndex={0} style={{ maxHeight: 220, overflow: "auto" }}>
            {lastErrors}
          </Code>
        </>
      )}
    </Alert>
  );
}
