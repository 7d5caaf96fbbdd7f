// The folders that a failed build offers: each can become a function, or this function's folder.

import "@mantine/core/styles/Checkbox.css";
import { Anchor, Box, Button, Card, Checkbox, Group, Stack, Text, TextInput, Title } from "@mantine/core";
import { Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useMutation } from "urql";
import {
  BuildFunctionDocument,
  type FunctionRowFragment,
  OfferedFoldersDocument,
  RegisterFunctionDocument,
  UpdateFunctionDocument,
} from "../../../graphql/generated.ts";
import { useAsked } from "../../../graphql/live.ts";
import { accepted, notifyDone } from "../../../ui/notify.ts";
import { once } from "../../../ui/once.ts";
import { errorText, Failure } from "../../../ui/states.tsx";
import { useActions } from "../useActions.ts";
import {
  because,
  type Choice,
  type Choices,
  isBuild,
  type Offered,
  type Row,
  refOf,
  registration,
  rowsOf,
  type Source,
  stillThere,
  together,
  update,
} from "./model.ts";

export function Offers({ of, build }: { of: FunctionRowFragment; build: string }) {
  const { data, error, again, look } = useAsked(OfferedFoldersDocument, { build });
  if (error && !data) return <Failure error={error} again={again} title="Its folders could not be loaded" />;
  const node = data?.node;
  if (!isBuild(node) || node.offeredFolders.length === 0 || !stillThere(of, node.source)) return null;
  return <Folders of={of} source={node.source} offeredFolders={node.offeredFolders} look={look} />;
}

function Folders({
  of,
  source,
  offeredFolders,
  look,
}: {
  of: FunctionRowFragment;
  source: Source;
  offeredFolders: readonly Offered[];
  /** Queries again which names are free and which folders are functions. */
  look: () => void;
}) {
  const navigate = useNavigate();
  const actions = useActions();
  const [, register] = useMutation(RegisterFunctionDocument);
  const [, change] = useMutation(UpdateFunctionDocument);
  const [, start] = useMutation(BuildFunctionDocument);
  const [choices, setChoices] = useState<Choices>({});
  /** The path of the folder that is being processed. */
  const [busy, setBusy] = useState<string | null>(null);
  const rows = rowsOf(offeredFolders, choices);
  const all = together(rows);

  const choose = (path: string, to: Partial<Choice>) =>
    setChoices((now) => ({ ...now, [path]: { ticked: true, ...now[path], ...to } }));

  const registerOne = async (row: Row): Promise<boolean> => {
    setBusy(row.path);
    try {
      const { data, error } = await register({ input: registration(of, source, row) });
      const made = data?.registerFunction;
      if (error || !made?.function) {
        choose(row.path, { refused: error ? errorText(error) : because(made?.userErrors ?? []) });
        return false;
      }
      choose(row.path, { made: made.function, name: row.name, refused: undefined });
      look();
      await actions.build(made.function);
      return true;
    } finally {
      setBusy(null);
    }
  };

  const registerAll = async () => {
    let done = 0;
    for (const row of all.rows) done += (await registerOne(row)) ? 1 : 0;
    if (done > 0) notifyDone(`${done} ${done === 1 ? "function is" : "functions are"} registered and being built.`);
  };

  const take = async ({ path }: Row) => {
    setBusy(path);
    try {
      const { data, error } = await change({ input: update(of, path) });
      if (!accepted("It stays with its folder", error, data?.updateFunction)) return;
      const built = await start({ id: of.id, ref: refOf(of, source) });
      if (!accepted(`${of.name} is not built`, built.error, built.data?.buildFunction)) return;
      const build = built.data?.buildFunction.build?.id;
      await navigate({ to: "/functions/$id/builds", params: { id: of.id }, search: build ? { build } : {} });
    } finally {
      setBusy(null);
    }
  };

  return (
    <Card withBorder padding="sm">
      <Stack gap="sm">
        <div>
          <Title order={3} size="h6">
            Folders that can be functions
          </Title>
          <Text size="sm" c="dimmed">
            What was built is no function itself. Register folders of the repository as functions of their own, or use
            one as the folder of this function.
          </Text>
        </div>
        <Box
          component="ul"
          aria-label="Folders that can be functions"
          m={0}
          p={0}
          mah={480}
          style={{ listStyle: "none", overflowY: "auto" }}
        >
          {rows.map((row) => (
            <Folder
              key={row.path}
              row={row}
              of={of.name}
              busy={busy === row.path}
              idle={busy === null}
              choose={(to) => choose(row.path, to)}
              register={() => registerOne(row)}
              take={() => take(row)}
            />
          ))}
        </Box>
        {rows.length > 1 && rows.some((row) => !row.made) && (
          <Group justify="flex-end">
            <Button disabled={!all.possible} loading={busy !== null} onClick={once(registerAll)}>
              {all.label}
            </Button>
          </Group>
        )}
      </Stack>
    </Card>
  );
}

interface FolderProps {
  row: Row;
  /** The name of the current function. */
  of: string;
  busy: boolean;
  /** Whether no folder is being processed. */
  idle: boolean;
  choose: (to: Partial<Choice>) => void;
  register: () => Promise<unknown>;
  take: () => Promise<unknown>;
}

function Folder({ row, of, busy, idle, choose, register, take }: FolderProps) {
  const what = (
    <Box style={{ overflowWrap: "anywhere" }}>
      <Text size="sm" className="mono" component="span" display="block">
        {row.path}
      </Text>
      <Text size="xs" c="dimmed" component="span" display="block">
        {row.recognizedAs}
      </Text>
    </Box>
  );
  return (
    <Box component="li" py="xs" style={{ borderTop: "1px solid var(--mantine-color-default-border)" }}>
      {row.made ? (
        <Group gap="sm" justify="space-between">
          <Box style={{ flex: "1 1 200px", minWidth: 0 }}>{what}</Box>
          <Text size="sm" role="status">
            registered as{" "}
            <Anchor component={Link} to={`/functions/${row.made.id}`}>
              {row.made.name}
            </Anchor>
          </Text>
        </Group>
      ) : (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            if (row.registers && idle) void register();
          }}
        >
          <Group gap="sm" align="flex-start" justify="space-between">
            <Checkbox
              label={what}
              checked={row.ticked}
              onChange={(event) => choose({ ticked: event.currentTarget.checked })}
              styles={{ body: { alignItems: "flex-start" }, labelWrapper: { minWidth: 0 } }}
              style={{ flex: "1 1 200px", minWidth: 0 }}
            />
            <TextInput
              size="xs"
              aria-label={`Name of the function in ${row.path}`}
              value={row.name}
              onChange={(event) => choose({ name: event.currentTarget.value, refused: undefined })}
              error={row.fault}
              style={{ flex: "1 1 160px", maxWidth: 260 }}
            />
            <Group gap="xs">
              <Button
                size="xs"
                type="submit"
                variant="light"
                loading={busy}
                disabled={!row.registers || (!idle && !busy)}
                aria-label={`Register ${row.path}`}
              >
                Register
              </Button>
              <Button
                size="xs"
                variant="default"
                disabled={!idle}
                onClick={once(take)}
                aria-label={`Use this folder for ${of}: ${row.path}`}
              >
                Use this folder
              </Button>
            </Group>
          </Group>
        </form>
      )}
    </Box>
  );
}
