// What a container image is: its name, digest, layers and pull.

import { Group } from "@mantine/core";
import { pinned } from "../lib/image.ts";
import { bytes, duration, short } from "../lib/time.ts";
import { Copy, Fact } from "./page.tsx";
import { When } from "./when.tsx";

export interface ImageOfVersion {
  reference: string;
  digest: string;
  size: number | null;
  layers: number | null;
  platform: string | null;
  pulledAt: string | null;
  pullDurationMs: number | null;
}

/** The size of an image and its number of layers: `44.0 MiB in 3 layers`; null if nobody recorded them. */
export function layersOf({ size, layers }: Pick<ImageOfVersion, "size" | "layers">): string | null {
  return size === null || layers === null ? null : `${bytes(size)} in ${layers} ${layers === 1 ? "layer" : "layers"}`;
}

/** All that is known of the image of a version. */
export function ImageFacts({ image }: { image: ImageOfVersion }) {
  const layers = layersOf(image);
  return (
    <Group gap="8px 24px" align="flex-start">
      <Fact name="Image">
        <span className="mono">{image.reference}</span>
      </Fact>
      <Fact name="Digest">
        <Group gap={4} wrap="nowrap">
          <span className="mono" title={image.digest}>
            {short(image.digest, 12)}
          </span>
          <Copy text={pinned(image.reference, image.digest)} label="Copy the image's name with its digest" />
        </Group>
      </Fact>
      {layers && <Fact name="Layers">{layers}</Fact>}
      {image.platform && <Fact name="Platform">{image.platform}</Fact>}
      {image.pulledAt && (
        <Fact name="Pulled">
          <When at={image.pulledAt} />
          {image.pullDurationMs !== null && <>, in {duration(image.pullDurationMs)}</>}
        </Fact>
      )}
    </Group>
  );
}
