// Two versions side by side: source, configuration, and differing files.

import {
  ActionIcon,
  Alert,
  Badge,
  Button,
  Card,
  Group,
  Select,
  SimpleGrid,
  Skeleton,
  Stack,
  Table,
  Text,
  Title,
  Tooltip,
} from "@mantine/core";
import { useEffect, useState } from "react";
import { ask } from "../../../graphql/client.ts";
import { VersionFileDocument, VersionFilesDocument, type VersionRowFragment } from "../../../graphql/generated.ts";
import { bytes, short } from "../../../lib/time.ts";
import { Difference } from "../../../ui/difference.tsx";
import { Icon } from "../../../ui/icons.tsx";
import { Fact } from "../../../ui/page.tsx";
import { errorText } from "../../../ui/states.tsx";
import { When } from "../../../ui/when.tsx";
import { type Change, changes, type Listed, ordered, summary } from "./versions.ts";

/** A version with the cursor of the row before it, by which it can be queried alone. */
export interface VersionWithCursor {
  version: VersionRowFragment;
  after: string | null;
}

type Known<T> = { state: "asking" } | { state: "known"; value: T } | { state: "failed"; message: string };

const NEWER = "Newer versions came meanwhile: load this page again.";

/** Loads data whenever its key changes; results for an earlier key are dropped. */
function useKnown<T>(key: string, ask: (signal: AbortSignal) => Promise<T>): Known<T> {
  const [known, setKnown] = useState<{ key: string; is: Known<T> } | null>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key says all that the question depends on
  useEffect(() => {
    const gone = new AbortController();
    ask(gone.signal).then(
      (value) => setKnown({ key, is: { state: "known", value } }),
      (error: Error) => {
        if (!gone.signal.aborted) setKnown({ key, is: { state: "failed", message: errorText(error) } });
      },
    );
    return () => gone.abort();
  }, [key]);
  return known?.key === key ? known.is : { state: "asking" };
}

async function filesOf(id: string, of: VersionWithCursor, signal: AbortSignal): Promise<readonly Listed[] | null> {
  const { function: found } = await ask(VersionFilesDocument, { id, after: of.after }, signal);
  const version = found?.versions.nodes[0];
  if (version?.number !== of.version.number) throw new Error(NEWER);
  return version.files;
}

async function textOf(id: string, of: VersionWithCursor, path: string, signal: AbortSignal) {
  const { function: found } = await ask(VersionFileDocument, { id, after: of.after, path }, signal);
  const version = found?.versions.nodes[0];
  if (version?.number !== of.version.number) throw new Error(NEWER);
  return version.file;
}

export function Compare({
  id,
  all,
  from,
  to,
  file,
  go,
}: {
  id: string;
  all: readonly VersionWithCursor[];
  from: VersionWithCursor;
  to: VersionWithCursor;
  file: string | undefined;
  go: (search: { from?: number; to?: number; file?: string | undefined }) => void;
}) {
  const files = useKnown(`${from.version.number} ${to.version.number}`, async (signal) => {
    const [before, after] = await Promise.all([filesOf(id, from, signal), filesOf(id, to, signal)]);
    return before && after ? changes(before, after) : null;
  });
  const numbers = all.map(({ version: { number } }) => ({ value: String(number), label: `Version ${number}` }));
  const both = { from: from.version.number, to: to.version.number };
  return (
    <Card withBorder>
      <Stack gap="md">
        <Group justify="space-between" align="flex-end" gap="xs">
          <Group gap="xs" align="flex-end">
            <Select
              size="xs"
              label="From"
              data={numbers}
              value={String(both.from)}
              onChange={(value) => value && go({ ...both, from: Number(value) })}
              allowDeselect={false}
              w={130}
            />
            <Tooltip label="The other way around">
              <ActionIcon
                variant="default"
                size={30}
                aria-label="Compare the other way around"
                onClick={() => go({ from: both.to, to: both.from, file })}
              >
                <Icon name="again" size={14} />
              </ActionIcon>
            </Tooltip>
            <Select
              size="xs"
              label="To"
              data={numbers}
              value={String(both.to)}
              onChange={(value) => value && go({ ...both, to: Number(value) })}
              allowDeselect={false}
              w={130}
            />
          </Group>
          <Button size="xs" variant="default" onClick={() => go({})}>
            Close
          </Button>
        </Group>
        <SimpleGrid cols={{ base: 1, sm: 2 }}>
          <One of={from.version} other={to.version} />
          <One of={to.version} other={from.version} />
        </SimpleGrid>
        {from.version.digest === to.version.digest && (
          <Alert color="gray" p="xs">
            {from.version.image ? "Both are the same image" : "Both have the same files"}: their digests are equal.
          </Alert>
        )}
        <div>
          <Title order={3} size="h6" mb={4}>
            Manifest
          </Title>
          <Difference
            before={ordered(from.version.manifest)}
            after={ordered(to.version.manifest)}
            label="function.json with every default"
          />
        </div>
        <div>
          <Title order={3} size="h6" mb={4}>
            Files
          </Title>
          {files.state === "asking" ? (
            <Skeleton height={60} />
          ) : files.state === "failed" ? (
            <Alert color="red" p="xs">
              {files.message}
            </Alert>
          ) : files.value === null ? (
            <Text size="sm" c="dimmed">
              {from.version.image || to.version.image
                ? "An image is compared by its digest: its files are not on this server."
                : "The files of one of them are not on this server."}
            </Text>
          ) : (
            <Files
              changes={files.value}
              opened={file}
              open={(path) => go({ ...both, file: path })}
              content={(path) => <Content key={path} id={id} from={from} to={to} path={path} />}
            />
          )}
        </div>
      </Stack>
    </Card>
  );
}

function One({ of, other }: { of: VersionRowFragment; other: VersionRowFragment }) {
  const [size, before] = [of, other].map((one) => one.image?.size ?? one.size);
  const grown = size == null || before == null ? 0 : size - before;
  return (
    <Card withBorder padding="sm">
      <Text fw={600} size="sm" mb={4}>
        Version {of.number}
      </Text>
      <Group gap="xl">
        <Fact name="Made">
          <When at={of.createdAt} />
        </Fact>
        {of.image ? (
          <Fact name="Image">
            <span className="mono">{of.image.reference}</span>
          </Fact>
        ) : (
          <Fact name="Commit">
            <span className="mono" title={of.commit ?? undefined}>
              {short(of.commit, 12)}
            </span>
          </Fact>
        )}
        <Fact name="Size">
          {size == null ? "–" : bytes(size)}
          {of.number > other.number && grown !== 0 && (
            <Text span size="xs" c="dimmed">
              {" "}
              {grown > 0 ? "+" : "−"}
              {bytes(Math.abs(grown))}
            </Text>
          )}
        </Fact>
        <Fact name="Digest">
          <span className="mono" title={of.digest}>
            {short(of.digest, 12)}
          </span>
        </Fact>
      </Group>
    </Card>
  );
}

const COLOURS = { added: "green", changed: "blue", removed: "red" };

function Files({
  changes: found,
  opened,
  open,
  content,
}: {
  changes: readonly Change[];
  opened: string | undefined;
  open: (path: string | undefined) => void;
  content: (path: string) => React.ReactNode;
}) {
  if (found.length === 0)
    return (
      <Text size="sm" c="dimmed">
        No file of the code differs.
      </Text>
    );
  const there = found.find(({ path }) => path === opened);
  return (
    <Stack gap="xs">
      <Text size="xs" c="dimmed">
        {summary(found)}
      </Text>
      <Table verticalSpacing={3}>
        <Table.Tbody>
          {found.map((change) => (
            <Table.Tr key={change.path} {...(change === there ? { bg: "var(--mantine-color-default-hover)" } : {})}>
              <Table.Td w={90}>
                <Badge
                  size="sm"
                  variant="light"
                  radius="sm"
                  color={COLOURS[change.kind]}
                  style={{ textTransform: "none" }}
                >
                  {change.kind}
                </Badge>
              </Table.Td>
              <Table.Td className="mono" style={{ overflowWrap: "anywhere" }}>
                <Button
                  size="compact-xs"
                  variant="subtle"
                  aria-expanded={change === there}
                  onClick={() => open(change === there ? undefined : change.path)}
                  styles={{ label: { whiteSpace: "normal", textAlign: "left" }, root: { height: "auto" } }}
                >
                  {change.path}
                </Button>
              </Table.Td>
              <Table.Td style={{ whiteSpace: "nowrap" }} ta="right">
                <Text size="xs" c="dimmed">
                  {change.before !== null && bytes(change.before)}
                  {change.kind === "changed" && " → "}
                  {change.after !== null && bytes(change.after)}
                </Text>
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      {there && content(there.path)}
    </Stack>
  );
}

function Content({ id, from, to, path }: { id: string; from: VersionWithCursor; to: VersionWithCursor; path: string }) {
  const known = useKnown(`${from.version.number} ${to.version.number} ${path}`, (signal) =>
    Promise.all([textOf(id, from, path, signal), textOf(id, to, path, signal)]),
  );
  if (known.state === "asking") return <Skeleton height={120} />;
  if (known.state === "failed")
    return (
      <Alert color="red" p="xs">
        {known.message}
      </Alert>
    );
  const [before, after] = known.value;
  if ((before && before.text === null) || (after && after.text === null)) {
    return (
      <Text size="sm" c="dimmed">
        {path} is no text, or longer than 64 KiB: it cannot be compared line by line here.
      </Text>
    );
  }
  return <Difference before={before?.text ?? ""} after={after?.text ?? ""} label={path} />;
}
