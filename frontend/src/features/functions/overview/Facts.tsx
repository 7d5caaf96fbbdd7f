// The facts of a function: source, version, times, id.

import { Anchor, Card, Group, Stack } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { describeSource } from "../../../lib/source.ts";
import { bytes, short } from "../../../lib/time.ts";
import { ImageFacts } from "../../../ui/image.tsx";
import { Copy, Fact } from "../../../ui/page.tsx";
import { When } from "../../../ui/when.tsx";
import type { OverviewFunction } from "./overviewFunction.ts";

export function Facts({ of }: { of: OverviewFunction }) {
  const version = of.currentVersion;
  // An image that is the source says all that there is to say of it.
  const isItself = version?.image != null && version.image.reference === of.source.image;
  return (
    <Card withBorder>
      <Stack gap="sm">
        {!isItself && (
          <Fact name="Source">
            {of.source.url && /^https?:/.test(of.source.url) ? (
              <Anchor href={of.source.url} size="sm" target="_blank" rel="noreferrer noopener">
                {describeSource(of.source)}
              </Anchor>
            ) : (
              describeSource(of.source)
            )}
          </Fact>
        )}
        {version?.image && <ImageFacts image={version.image} />}
        <Group gap="xl">
          {version && (
            <Fact name="Version">
              <Anchor component={Link} to={`/functions/${of.id}/versions`} size="sm" underline="always">
                v{version.number}
              </Anchor>{" "}
              of {of.versions.totalCount}
              {version.commit && (
                <>
                  , commit <span className="mono">{short(version.commit)}</span>
                </>
              )}
              {version.size !== null && <>, {bytes(version.size)}</>}
            </Fact>
          )}
          <Fact name="Mode">{of.mode.toLowerCase()}</Fact>
          <Fact name="Registered">
            <When at={of.createdAt} />
          </Fact>
          <Fact name="Changed">
            <When at={of.updatedAt} />
          </Fact>
        </Group>
        <Fact name="Id">
          <Group gap={4} wrap="nowrap">
            <span className="mono">{of.id}</span>
            <Copy text={of.id} label="Copy the id" />
          </Group>
        </Fact>
      </Stack>
    </Card>
  );
}
