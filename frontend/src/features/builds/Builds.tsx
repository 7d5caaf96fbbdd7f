// The builds of a function, and the selected one.

import { Box, Button, Group, Stack, Text } from "@mantine/core";
import { useEffect, useState } from "react";
import {
  BuildAloneDocument,
  type BuildAloneQuery,
  BuildChangedDocument,
  BuildsDocument,
} from "../../graphql/generated.ts";
import { useAsked, useFollowed } from "../../graphql/live.ts";
import { isId } from "../../lib/ids.ts";
import { Icon } from "../../ui/icons.tsx";
import { once } from "../../ui/once.ts";
import { Pager } from "../../ui/pager.tsx";
import { Empty, Failure, Waiting } from "../../ui/states.tsx";
import { useViewer } from "../auth/viewer.tsx";
import { rolledBack } from "../functions/model.ts";
import { useActions } from "../functions/useActions.ts";
import { useRecords } from "../history/useRecords.ts";
import { Build } from "./Build.tsx";
import { BuildList } from "./BuildList.tsx";

interface Props {
  id: string;
  chosen: string | undefined;
  choose: (build: string | undefined) => void;
}

/** Pages of 100 of the function's records that are searched for changes. */
const PAGES = 5;

type Alone = NonNullable<BuildAloneQuery["node"]>;

/** Whether a node is a build. */
function isBuild(node: Alone): node is Extract<Alone, { requestedAt: string }> {
  return "requestedAt" in node;
}

export function Builds({ id, chosen, choose }: Props) {
  const { mayWrite } = useViewer();
  const actions = useActions();
  const [after, setAfter] = useState<string | undefined>(undefined);
  const { data, error, again, look, old } = useAsked(BuildsDocument, { function: id, after: after ?? null });
  const records = useRecords(id, PAGES);
  useFollowed(BuildChangedDocument, { function: id }, look);
  const apart = chosen !== undefined && data?.function?.builds.nodes.every((build) => build.id !== chosen) === true;
  const isAsked = apart && isId(chosen ?? "");
  const { data: alone, error: unknown, again: askAgain } = useAsked(BuildAloneDocument, { id: chosen ?? "" }, !isAsked);
  // A build that was just requested is not in the list yet.
  useEffect(() => {
    if (apart && after === undefined) look();
  }, [apart, after, look]);
  if (error && !data) return <Failure error={error} again={again} />;
  if (!data) return <Waiting again={again} />;
  const builds = data.function?.builds.nodes ?? [];
  const total = data.function?.builds.totalCount ?? 0;
  const other = apart && alone?.node && isBuild(alone.node) && alone.node.function.id === id ? alone.node : undefined;
  // Until it is loaded, no other build is shown in its place.
  const isAwaited = isAsked && !alone && !unknown;
  const shown = builds.find((build) => build.id === chosen) ?? other ?? builds[0];
  const newest = Math.max(0, ...builds.map((one) => one.version?.number ?? 0));
  const older = rolledBack(data.function?.currentVersion?.number, newest);
  const build = async () => {
    const made = await actions.build({ id, name: "It" });
    if (made) choose(made);
  };
  const buildAgain = mayWrite && data.function?.state !== "DEREGISTERED" && (
    <Button size="xs" leftSection={<Icon name="build" size={13} />} onClick={once(build)}>
      Build again
    </Button>
  );
  if (!shown)
    return (
      <Empty title="Nothing was built yet" action={buildAgain}>
        A build takes the code from its source, installs what it needs, and makes a version of it.
      </Empty>
    );
  return (
    <Group align="flex-start" gap="md" wrap="wrap">
      <Stack gap={6} w={{ base: "100%", md: 250 }}>
        {buildAgain}
        {older && mayWrite && (
          <Text size="xs" c="dimmed">
            Version {older.answers} answers, and version {older.newest} is newer. A build takes the newest code of the
            source and takes over when it is healthy.
          </Text>
        )}
        <BuildList builds={builds} shown={isAwaited ? undefined : shown.id} choose={choose} old={old} />
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
        {isAwaited ? (
          <Waiting again={askAgain} />
        ) : (
          <Build key={shown.id} build={shown} id={id} records={records.records} />
        )}
      </Box>
    </Group>
  );
}
