// All versions of a function; comparing two of them, and rolling back to one.

import { Badge, Button, Card, Group, Modal, Stack, Text, Textarea } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";
import { useClient } from "urql";
import {
  FunctionChangedDocument,
  FunctionVersionsDocument,
  type FunctionVersionsQuery,
  type VersionRowFragment,
} from "../../../graphql/generated.ts";
import { useAsked, useFollowed } from "../../../graphql/live.ts";
import { bytes, short } from "../../../lib/time.ts";
import { layersOf } from "../../../ui/image.tsx";
import { Json } from "../../../ui/json.tsx";
import { notifyRefused } from "../../../ui/notify.ts";
import { Empty, errorText, Failure, Waiting } from "../../../ui/states.tsx";
import { When } from "../../../ui/when.tsx";
import { useViewer } from "../../auth/viewer.tsx";
import { useActions } from "../useActions.ts";
import { Compare, type VersionWithCursor } from "./Compare.tsx";
import { compared, joined } from "./versions.ts";

export interface Search {
  from?: number;
  to?: number;
  file?: string;
}

type Edge = NonNullable<FunctionVersionsQuery["function"]>["versions"]["edges"][number];

/** Each version with the cursor of the row before it. */
function withCursors(edges: readonly Edge[]): VersionWithCursor[] {
  return edges.map(({ node }, at) => ({ version: node, after: edges[at - 1]?.cursor ?? null }));
}

export function Versions({ id, search, go }: { id: string; search: Search; go: (search: Search) => void }) {
  const { mayWrite } = useViewer();
  const client = useClient();
  const { data, error, again, look } = useAsked(FunctionVersionsDocument, { id, after: null });
  useFollowed(FunctionChangedDocument, { id }, look);
  const [older, setOlder] = useState<readonly Edge[]>([]);
  const [end, setEnd] = useState<string | null | undefined>(undefined);
  const [loading, setLoading] = useState(false);
  const [back, setBack] = useState<VersionRowFragment | null>(null);
  const [shown, setShown] = useState<VersionRowFragment | null>(null);
  if (error && !data) return <Failure error={error} again={again} />;
  if (!data) return <Waiting again={again} />;
  const of = data.function;
  if (!of) return null;
  const first = of.versions;
  const rows = withCursors(joined(first.edges, older));
  const current = of.currentVersion?.number;
  const lowest = rows.at(-1)?.version.number ?? 0;
  const next = end === undefined ? (first.pageInfo.hasNextPage ? first.pageInfo.endCursor : null) : end;
  if (rows.length === 0) {
    return (
      <Empty
        title="No version yet"
        action={
          <Button size="xs" variant="default" mt="xs" component={Link} to={`/functions/${id}/builds`}>
            Go to builds
          </Button>
        }
      >
        Each build that succeeds makes one. The builds say why none did.
      </Empty>
    );
  }
  const two = compared(
    rows.map(({ version }) => version.number),
    current,
    search.from,
    search.to,
  );
  const from = rows.find(({ version }) => version.number === two?.from);
  const to = rows.find(({ version }) => version.number === two?.to);

  const more = async () => {
    setLoading(true);
    const { data: page, error: fault } = await client.query(
      FunctionVersionsDocument,
      { id, after: next ?? null },
      { requestPolicy: "network-only" },
    );
    setLoading(false);
    const got = page?.function?.versions;
    if (!got) {
      notifyRefused("Older versions could not be loaded", fault ? errorText(fault) : "the function is gone");
      return;
    }
    // Including those of the first page: a new version pushes the last one out of it.
    setOlder((before) => joined(joined(first.edges, before), got.edges));
    setEnd(got.pageInfo.hasNextPage ? got.pageInfo.endCursor : null);
  };

  const compare = (number: number) => {
    const other = number === current ? rows.find(({ version }) => version.number !== number)?.version.number : current;
    if (other === undefined) return;
    // From the older to the newer one.
    go({ from: Math.min(number, other), to: Math.max(number, other) });
  };

  // The address may name versions older than those loaded.
  const missing = next !== null && [search.from, search.to].some((number) => number !== undefined && number < lowest);

  return (
    <Stack gap="md">
      {missing && <Further key={lowest} load={more} />}
      {missing && <Waiting rows={2} />}
      {!missing && from && to && (
        <Compare
          id={id}
          all={rows}
          from={from}
          to={to}
          file={search.file}
          go={({ file, ...both }) => go({ ...both, ...(file ? { file } : {}) })}
        />
      )}
      <Stack gap="xs">
        {rows.map(({ version }) => (
          <Card key={version.number} withBorder padding="sm">
            <Group justify="space-between" gap="xs">
              <Group gap="sm" style={{ minWidth: 0 }}>
                <Text fw={600}>v{version.number}</Text>
                {version.number === current && (
                  <Badge size="sm" color="teal" variant="light" radius="sm" style={{ textTransform: "none" }}>
                    answers
                  </Badge>
                )}
                <Text size="sm" c="dimmed">
                  made <When at={version.createdAt} />
                  {version.commit && (
                    <>
                      {" from commit "}
                      <span className="mono" title={version.commit}>
                        {short(version.commit)}
                      </span>
                    </>
                  )}
                  {version.size !== null && <>, {bytes(version.size)}</>}
                  {version.image && (
                    <>
                      {" from "}
                      <span className="mono" style={{ overflowWrap: "anywhere" }}>
                        {version.image.reference}
                      </span>
                      {layersOf(version.image) && <>, {layersOf(version.image)}</>}
                    </>
                  )}
                  , digest{" "}
                  <span className="mono" title={version.digest}>
                    {short(version.digest)}
                  </span>
                </Text>
              </Group>
              <Group gap={6}>
                {rows.length > 1 && (
                  <Button
                    size="compact-xs"
                    variant="subtle"
                    onClick={() => compare(version.number)}
                    aria-label={`${version.number === current ? "Compare" : "Compare with the current"}: version ${version.number}`}
                  >
                    {version.number === current ? "Compare" : "Compare with the current"}
                  </Button>
                )}
                <Button
                  size="compact-xs"
                  variant="subtle"
                  onClick={() => setShown(version)}
                  aria-label={`Manifest of version ${version.number}`}
                >
                  Manifest
                </Button>
                {version.build && (
                  <Button
                    size="compact-xs"
                    variant="subtle"
                    component={Link}
                    to={`/functions/${id}/builds?build=${version.build.id}`}
                    aria-label={`Build of version ${version.number}`}
                  >
                    Build
                  </Button>
                )}
                {mayWrite && version.number !== current && (
                  <Button size="compact-xs" variant="default" onClick={() => setBack(version)}>
                    {current !== undefined && version.number > current ? "Go to" : "Roll back to"} version{" "}
                    {version.number}
                  </Button>
                )}
              </Group>
            </Group>
          </Card>
        ))}
      </Stack>
      <Group justify="space-between">
        <Text size="xs" c="dimmed">
          {rows.length} of {first.totalCount} {first.totalCount === 1 ? "version" : "versions"}
        </Text>
        {next && (
          <Button size="xs" variant="default" loading={loading} onClick={() => void more()}>
            Older ones
          </Button>
        )}
      </Group>
      <Modal
        opened={shown !== null}
        onClose={() => setShown(null)}
        title={`Manifest of version ${shown?.number ?? ""}`}
        size="lg"
      >
        <Json value={shown?.manifest} label="With every default filled in" />
      </Modal>
      <Modal
        opened={back !== null}
        onClose={() => setBack(null)}
        title={`Let version ${back?.number ?? ""} answer again?`}
      >
        {back && <RollBack id={id} name={of.name} to={back} from={current} close={() => setBack(null)} />}
      </Modal>
    </Stack>
  );
}

function RollBack({
  id,
  name,
  to,
  from,
  close,
}: {
  id: string;
  name: string;
  to: VersionRowFragment;
  from: number | undefined;
  close: () => void;
}) {
  const actions = useActions();
  const [reason, setReason] = useState("");
  const [busy, setBusy] = useState(false);
  return (
    <form
      onSubmit={async (event) => {
        event.preventDefault();
        setBusy(true);
        const done = await actions.rollback({ id, name }, to.number, reason);
        setBusy(false);
        if (done) close();
      }}
    >
      <Stack>
        <Text size="sm">
          Version {to.number}, made <When at={to.createdAt} />, takes over as soon as it is healthy
          {from === undefined
            ? "."
            : `; version ${from} finishes what it is working on and goes. No call is lost meanwhile.`}{" "}
          Its triggers, variables and limits become those of version {to.number}. The code of later versions stays here,
          and the next build makes a new one.
        </Text>
        <Textarea
          label="Reason"
          description="The history keeps who did it, when, and this."
          placeholder="What is wrong with the version that answers now?"
          value={reason}
          onChange={(event) => setReason(event.currentTarget.value)}
          autosize
          minRows={2}
          data-autofocus
        />
        <Group justify="flex-end">
          <Button variant="default" onClick={close}>
            Cancel
          </Button>
          <Button type="submit" loading={busy}>
            {from !== undefined && to.number > from ? "Let it answer" : "Roll back"}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

/** Loads more as soon as it is rendered. */
function Further({ load }: { load: () => Promise<void> }) {
  const latest = useRef(load);
  useEffect(() => void latest.current(), []);
  return null;
}
