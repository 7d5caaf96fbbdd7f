// What a build changed compared to the previous version.

import { Anchor, Box, Group, Stack, Text, Title } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { useMemo } from "react";
import type { BuildRowFragment, RecordFragment } from "../../graphql/generated.ts";
import { short } from "../../lib/time.ts";
import { Copy, Fact } from "../../ui/page.tsx";
import { changesOf } from "./model.ts";

/** A commit, before and after. */
function Commit({ commit }: { commit: string }) {
  return (
    <Group gap={2} wrap="nowrap" component="span" display="inline-flex">
      <span className="mono">{short(commit)}</span>
      <Copy text={commit} label="Copy the commit" />
    </Group>
  );
}

/** The digest of an image. */
function Digest({ digest }: { digest: string | undefined }) {
  if (digest === undefined) return "none";
  return (
    <span className="mono" title={digest}>
      {short(digest, 12)}
    </span>
  );
}

export function Changes({
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
  const { before, after, commit, image, source, manifest } = changes;
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
          {(image[0] ?? image[1]) !== undefined && (
            <Fact name={`Image, against v${before}`}>
              {image[0] === image[1] ? (
                <>
                  the same, <Digest digest={image[1]} />
                </>
              ) : (
                <>
                  <Digest digest={image[0]} /> → <Digest digest={image[1]} />
                </>
              )}
            </Fact>
          )}
          {(image[0] ?? image[1]) === undefined && (
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
          )}
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
