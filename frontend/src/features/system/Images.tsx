// The images that the engine keeps for functions, and which of them go.

import { Card, Table, Text, Title } from "@mantine/core";
import { EngineImagesDocument, type EngineImagesQuery } from "../../graphql/generated.ts";
import { useAsked } from "../../graphql/live.ts";
import { bytes, short } from "../../lib/time.ts";
import { When } from "../../ui/when.tsx";
import { useViewer } from "../auth/viewer.tsx";
import { useEvery } from "../metrics/useEvery.ts";

/** How often the engine is asked while the page is visible, in milliseconds. */
const EVERY = 30_000;

type Image = NonNullable<EngineImagesQuery["viewer"]["server"]["engineImages"]>[number];

/** Only for those who see all namespaces; nothing where there is no engine. */
export function Images() {
  return useViewer().namespaces === null ? <Engine /> : null;
}

function Engine() {
  const { data, error, again } = useAsked(EngineImagesDocument, {});
  useEvery(again, EVERY);
  const images = data?.viewer.server.engineImages;
  if (error && !images)
    return (
      <Card withBorder>
        <Title order={2} size="h5" mb="xs">
          Images on the engine
        </Title>
        <Text size="sm" c="red">
          {error.message.replace(/^\[\w+\] /, "")}
        </Text>
      </Card>
    );
  if (!images) return null;
  const going = images.filter(({ fate }) => fate === "GOES");
  return (
    <Card withBorder>
      <Title order={2} size="h5">
        Images on the engine
      </Title>
      <Text size="xs" c="dimmed" mb="sm">
        {images.length === 0
          ? "None was pulled for a function."
          : `${images.length} pulled for functions, ${bytes(images.reduce((sum, { size }) => sum + size, 0))} with what they share; ${
              going.length === 0 ? "none is to go" : `${going.length} to go`
            }.`}
      </Text>
      {images.length > 0 && (
        <Table.ScrollContainer minWidth={420} maxHeight={320} scrollAreaProps={{ viewportProps: { tabIndex: 0 } }}>
          <Table>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>Image</Table.Th>
                <Table.Th ta="right">Size</Table.Th>
                <Table.Th>What becomes of it</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {images.map((image) => (
                <Table.Tr key={image.id}>
                  <Table.Td className="mono" style={{ overflowWrap: "anywhere" }} title={image.id}>
                    {image.tags.join(", ") || short(image.id, 12)}
                  </Table.Td>
                  <Table.Td ta="right" style={{ whiteSpace: "nowrap" }}>
                    {bytes(image.size)}
                  </Table.Td>
                  <Table.Td>
                    <Fate of={image} />
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
    </Card>
  );
}

function Fate({ of }: { of: Image }) {
  if (of.fate === "NEEDED") return "stays: a version is made of it";
  if (of.fate === "USED") return `stays: ${of.reason}`;
  return (
    <>
      is removed <When at={of.goesAt} />, unless a version needs it until then
    </>
  );
}
