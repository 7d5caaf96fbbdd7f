// The builds of a function, and one of them: why it failed, how long its parts took, what changed, its log as it is
// written.

import { Alert, Anchor, Box, Button, Card, Group, Stack, Text, Title, UnstyledButton } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useEffect, useMemo, useState } from "react";
import { useMutation } from "urql";
import {
  BuildAloneDocument,
  type BuildAloneQuery,
  BuildChangedDocument,
  type BuildRowFragment,
  BuildsDocument,
  CancelBuildDocument,
  type RecordFragment,
} from "../../graphql/generated.ts";
import { useAsked, useFollowed } from "../../graphql/live.ts";
import { now as clock } from "../../lib/clock.ts";
import { isId } from "../../lib/ids.ts";
import { duration, short } from "../../lib/time.ts";
import { Bars } from "../../ui/bars.tsx";
import { Icon } from "../../ui/icons.tsx";
import { Log } from "../../ui/log/log.tsx";
import { accepted, tellDone } from "../../ui/notify.ts";
import { once } from "../../ui/once.ts";
import { Copy, Fact } from "../../ui/page.tsx";
import { Pager } from "../../ui/pager.tsx";
import { Empty, Failure, Waiting } from "../../ui/states.tsx";
import { Status, stateColour } from "../../ui/status.tsx";
import { When } from "../../ui/when.tsx";
import { useViewer } from "../auth/viewer.tsx";
import { rolledBack } from "../functions/model.ts";
import { useActions } from "../functions/useActions.ts";
import { useLife } from "../history/useLife.ts";
import { useLines } from "../logs/useLines.ts";
import { changesOf, phasesOf, tookCommit, tookOf } from "./model.ts";

interface Props {
  id: string;
  chosen: string | undefined;
  choose: (build: string | undefined) => void;
}

/** Pages of 100 records of the function's life in which is looked for what changed. */
const PAGES = 5;

type Alone = NonNullable<BuildAloneQuery["node"]>;

/** Whether what has an id is a build. */
function isBuild(node: Alone): node is Extract<Alone, { requestedAt: string }> {
  return "requestedAt" in node;
}

export function Builds({ id, chosen, choose }: Props) {
  const { mayWrite } = useViewer();
  const actions = useActions();
  const [after, setAfter] = useState<string | undefined>(undefined);
  const { data, error, again, look, old } = useAsked(BuildsDocument, { function: id, after: after ?? null });
  const life = useLife(id, PAGES);
  useFollowed(BuildChangedDocument, { function: id }, look);
  const apart = chosen !== undefined && data?.function?.builds.nodes.every((build) => build.id !== chosen) === true;
  const isAsked = apart && isId(chosen ?? "");
  const { data: alone, error: unknown, again: askAgain } = useAsked(BuildAloneDocument, { id: chosen ?? "" }, !isAsked);
  // A build that has just been asked for is not in the list yet.
  useEffect(() => {
    if (apart && after === undefined) look();
  }, [apart, after, look]);
  if (error && !data) return <Failure error={error} again={again} />;
  if (!data) return <Waiting again={again} />;
  const builds = data.function?.builds.nodes ?? [];
  const total = data.function?.builds.totalCount ?? 0;
  const other = apart && alone?.node && isBuild(alone.node) && alone.node.function.id === id ? alone.node : undefined;
  // Until it is known, no other one is shown in its place.
  const isAwaited = isAsked && !alone && !unknown;
  const shown = builds.find((build) => build.id === chosen) ?? other ?? builds[0];
  const newest = Math.max(0, ...builds.map((one) => one.version?.number ?? 0));
  const older = rolledBack(data.function?.currentVersion?.number, newest);
  const build = async () => {
    const made = await actions.build({ id, name: "It" });
    if (made) choose(made);
  };
  const anew = mayWrite && data.function?.state !== "DEREGISTERED" && (
    <Button size="xs" leftSection={<Icon name="build" size={13} />} onClick={once(build)}>
      Build anew
    </Button>
  );
  if (!shown)
    return (
      <Empty title="Nothing was built yet" action={anew}>
        A build takes the code from its source, installs what it needs, and makes a version of it.
      </Empty>
    );
  return (
    <Group align="flex-start" gap="md" wrap="wrap">
      <Stack gap={6} w={{ base: "100%", md: 250 }}>
        {anew}
        {older && mayWrite && (
          <Text size="xs" c="dimmed">
            Version {older.answers} answers, and version {older.newest} is newer. A build takes the newest code of the
            source and takes over when it is healthy.
          </Text>
        )}
        <Box
          mah={{ base: 180, md: "75vh" }}
          style={{ overflowY: "auto" }}
          className={old ? "old" : undefined}
          aria-busy={old}
        >
          {builds.map((one) => (
            <UnstyledButton
              key={one.id}
              onClick={() => choose(one.id)}
              aria-current={!isAwaited && one.id === shown.id}
              w="100%"
              p="xs"
              style={{
                borderRadius: 6,
                ...(!isAwaited && one.id === shown.id ? { background: "var(--mantine-color-default-hover)" } : {}),
              }}
            >
              <Group gap="xs" justify="space-between" wrap="nowrap">
                <Status state={one.state} size="xs" />
                <When at={one.requestedAt} size="xs" c="dimmed" />
              </Group>
              <Text size="xs" c="dimmed" mt={4}>
                {one.version ? `made v${one.version.number}` : "no version"}
                {one.commit && ` · ${short(one.commit)}`}
                {tookOf(one) !== null && ` · ${duration(tookOf(one))}`}
              </Text>
            </UnstyledButton>
          ))}
        </Box>
        {total > builds.length && (
          <Pager
            total={total}
            shown={builds.length}
            after={after}
            next={data.function?.builds.pageInfo.hasNextPage ? data.function.builds.pageInfo.endCursor : null}
            go={setAfter}
            what="builds"
          />
        )}
      </Stack>
      <Box style={{ flex: "1 1 300px", minWidth: 0 }}>
        {isAwaited ? <Waiting again={askAgain} /> : <One key={shown.id} build={shown} id={id} records={life.records} />}
      </Box>
    </Group>
  );
}

interface OneProps {
  build: BuildRowFragment;
  id: string;
  records: readonly RecordFragment[];
}

function One({ build, id, records }: OneProps) {
  const { mayWrite } = useViewer();
  const [{ fetching }, cancel] = useMutation(CancelBuildDocument);
  const told = useLines({ build: build.id });
  const { lines, version, dropped, error } = told;
  const open = build.state === "QUEUED" || build.state === "RUNNING";
  return (
    <Card withBorder padding="sm">
      <Stack gap="sm">
        <Group gap="xs" justify="space-between">
          <Group gap="xs">
            <Status state={build.state} />
            <Text size="sm" c="dimmed">
              requested <When at={build.requestedAt} />
              {tookOf(build) !== null && `, took ${duration(tookOf(build))}`}
            </Text>
            {build.version && (
              <Text size="sm">
                made{" "}
                <Anchor component={Link} to={`/functions/${id}/versions`}>
                  version {build.version.number}
                </Anchor>
              </Text>
            )}
          </Group>
          {mayWrite && open && (
            <Button
              size="compact-sm"
              variant="default"
              loading={fetching}
              onClick={async () => {
                const { data, error: fault } = await cancel({ id: build.id });
                if (accepted("It was not cancelled", fault, data?.cancelBuild)) tellDone("The build is called off.");
              }}
            >
              Cancel
            </Button>
          )}
        </Group>
        {build.error && (
          <Alert
            color={build.state === "CANCELLED" ? "gray" : "red"}
            p="xs"
            title="It made no version"
            styles={{ body: { minWidth: 0 } }}
          >
            <Text
              size="sm"
              style={{ whiteSpace: "pre-wrap", overflowWrap: "anywhere", maxHeight: 260, overflow: "auto" }}
            >
              {build.error}
            </Text>
            <Text size="xs" mt={6}>
              What answers calls was left alone. Mend it at its source, then build anew.
            </Text>
          </Alert>
        )}
        <Phases build={build} lines={lines} version={version} />
        <Changed build={build} id={id} records={records} took={build.commit ?? tookCommit(lines)} />
        {error ? (
          <Failure error={new Error(error)} again={told.again} title="The log could not be loaded" />
        ) : (
          <Log
            lines={lines}
            version={version}
            dropped={dropped}
            height="max(220px, 40vh)"
            stderr="info"
            name={`build-${build.id}`}
            label="Log of the build"
            empty={
              told.over || !open
                ? told.waiting
                  ? "Loading …"
                  : "It has written nothing."
                : "Waiting for the first line …"
            }
          />
        )}
      </Stack>
    </Card>
  );
}

function Phases({
  build,
  lines,
  version,
}: {
  build: BuildRowFragment;
  lines: Parameters<typeof phasesOf>[1];
  version: number;
}) {
  const open = build.finishedAt === null;
  const [now, setNow] = useState(clock());
  useEffect(() => {
    if (!open) return;
    const timer = setInterval(() => setNow(clock()), 500);
    return () => clearInterval(timer);
  }, [open]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `version` says that the array has changed inside
  const phases = useMemo(() => phasesOf(build, lines, now), [build, lines, version, now]);
  return (
    <Bars
      label="Parts of the build"
      bars={phases.map((phase, index) => ({
        key: `${index} ${phase.name}`,
        name: phase.name,
        from: phase.from,
        to: phase.to,
        open: phase.open,
        colour:
          phase.kind === "waiting"
            ? "var(--mantine-color-gray-5)"
            : stateColour(index === phases.length - 1 && build.state !== "SUCCEEDED" ? build.state : "BUILT"),
      }))}
    />
  );
}

/** A commit, before and now. */
function Commit({ commit }: { commit: string }) {
  return (
    <Group gap={2} wrap="nowrap" component="span" display="inline-flex">
      <span className="mono">{short(commit)}</span>
      <Copy text={commit} label="Copy the commit" />
    </Group>
  );
}

function Changed({
  build,
  id,
  records,
  took,
}: {
  build: BuildRowFragment;
  id: string;
  records: readonly RecordFragment[];
  took: string | undefined;
}) {
  const changes = useMemo(() => changesOf(build.id, records), [build.id, records]);
  if (!changes) return null;
  const { before, after, commit, source, manifest } = changes;
  const now = commit[1] ?? took;
  return (
    <Box>
      <Group justify="space-between" mb={4} gap="xs">
        <Title order={3} size="h6">
          What changed
        </Title>
        {before !== undefined && after !== undefined && (
          <Anchor component={Link} to={`/functions/${id}/versions?from=${before}&to=${after}`} size="sm">
            Compare v{before} and v{after}
          </Anchor>
        )}
      </Group>
      {before === undefined ? (
        <Text size="sm" c="dimmed">
          No version was made before it.
        </Text>
      ) : (
        <Stack gap={6}>
          <Fact name={`Commit, against v${before}`}>
            {commit[0] === undefined && now === undefined ? (
              "not from Git"
            ) : commit[0] === now ? (
              <>
                the same, <Commit commit={now as string} />
              </>
            ) : (
              <>
                {commit[0] ? <Commit commit={commit[0]} /> : "none"} → {now ? <Commit commit={now} /> : "not known"}
              </>
            )}
          </Fact>
          {source && (
            <Fact name="Source">
              {source[0]} → {source[1]}
            </Fact>
          )}
          {manifest && (
            <Fact name="Manifest">
              {manifest.length === 0 ? "the same" : <span className="mono">{manifest.join(", ")}</span>}
            </Fact>
          )}
        </Stack>
      )}
    </Box>
  );
}
