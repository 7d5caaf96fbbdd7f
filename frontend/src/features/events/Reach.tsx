// Which functions an event reached, with what result, and why it did not reach the others.

import { Anchor, Button, Group, Modal, Select, Stack, Table, Text, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { Link, useNavigate } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { useMutation } from "urql";
import {
  EventReachDocument,
  type EventReachQuery,
  ReplayEventDocument,
  RunChangedDocument,
  VersionNumbersDocument,
} from "../../graphql/generated.ts";
import { useAsked, useFollowed } from "../../graphql/live.ts";
import { short } from "../../lib/time.ts";
import { versionNumbers } from "../../lib/versions.ts";
import { Icon } from "../../ui/icons.tsx";
import { accepted, notifyDone } from "../../ui/notify.ts";
import { Empty, Failure, Waiting } from "../../ui/states.tsx";
import { GOOD, Status } from "../../ui/status.tsx";
import { Words } from "../../ui/words.tsx";
import { useViewer } from "../auth/viewer.tsx";
import { reachedWords } from "./model.ts";

/** The server is queried when typing has paused for this long, in milliseconds. */
const SETTLE = 200;
/** The polling interval until the event has been relayed completely, in milliseconds. */
const LOOK_EVERY = 1_000;

type One = NonNullable<EventReachQuery["event"]>["reach"][number];

export function Reach({ id }: { id: string }) {
  const { mayWrite } = useViewer();
  const [typed, setTyped] = useState("");
  const [search] = useDebouncedValue(typed.trim(), SETTLE);
  const { data, error, again, look, old } = useAsked(EventReachDocument, { id, search: search || null });
  useFollowed(RunChangedDocument, {}, look);
  const [to, setTo] = useState<One["function"] | null>(null);
  const totals = data?.event?.reachTotals;
  const settled = totals?.settled !== false;
  // No subscription tells when the event has been relayed completely, so this polls.
  useEffect(() => {
    if (settled) return;
    const timer = setInterval(look, LOOK_EVERY);
    return () => clearInterval(timer);
  }, [settled, look]);
  if (error && !data) return <Failure error={error} again={again} />;
  if (!data) return <Waiting rows={2} again={again} />;
  const reach = data.event?.reach ?? [];
  if (!totals || totals.functions === 0)
    return <Empty title="There is no function">Its namespace has no function that it could reach.</Empty>;
  const long = totals.functions > reach.length || typed !== "";
  return (
    <>
      <Text size="sm" mb="xs" role="status">
        {reachedWords(totals)}
      </Text>
      {long && (
        <TextInput
          size="xs"
          mb="xs"
          placeholder="Find a function by its name"
          aria-label="Find a function that it reached or did not reach"
          leftSection={<Icon name="search" size={13} />}
          value={typed}
          onChange={(event) => setTyped(event.currentTarget.value)}
          maw={320}
        />
      )}
      {reach.length === 0 && (
        <Text size="sm" c="dimmed">
          No function of this namespace has a name like that.
        </Text>
      )}
      <Table verticalSpacing={6} layout="auto" className={old ? "old" : undefined} aria-busy={old}>
        <Table.Tbody>
          {reach.map((one) => (
            <Table.Tr key={one.function.id}>
              <Table.Td style={{ verticalAlign: "top" }}>
                <Anchor component={Link} to={`/functions/${one.function.id}`} size="sm">
                  {one.function.name}
                </Anchor>
                <Text size="xs" c={one.reached ? GOOD : "dimmed"} style={{ whiteSpace: "nowrap" }}>
                  {one.reached ? "reached" : "not reached"}
                </Text>
              </Table.Td>
              <Table.Td style={{ verticalAlign: "top" }}>
                <Text size="sm" c={one.reached ? "inherit" : "dimmed"} style={{ overflowWrap: "anywhere" }}>
                  <Words text={one.reason} />
                </Text>
                {one.run && (
                  <Group gap="xs" mt={2}>
                    <Anchor component={Link} to={`/runs/${one.run.id}`} className="mono">
                      {short(one.run.id, 13)}
                    </Anchor>
                    <Status state={one.run.state} size="xs" />
                    {one.run.attempt > 1 && (
                      <Text size="xs" c="dimmed">
                        attempt {one.run.attempt}
                      </Text>
                    )}
                  </Group>
                )}
              </Table.Td>
              {mayWrite && one.function.state !== "DEREGISTERED" && (
                <Table.Td style={{ verticalAlign: "top", textAlign: "right" }}>
                  <Button size="compact-xs" variant="default" onClick={() => setTo(one.function)}>
                    {one.reached ? "Send again" : "Send to it"}
                  </Button>
                </Table.Td>
              )}
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      {long && search === "" && (
        <Text size="xs" c="dimmed" mt={4}>
          {reach.length.toLocaleString()} of {totals.functions.toLocaleString()} functions are shown, those that it
          reached first. The others are found by name.
        </Text>
      )}
      <Modal opened={to !== null} onClose={() => setTo(null)} title={`Send the event to ${to?.name ?? ""}`} centered>
        {to && <Replay id={id} to={to} close={() => setTo(null)} />}
      </Modal>
    </>
  );
}

function Replay({ id, to, close }: { id: string; to: One["function"]; close: () => void }) {
  const navigate = useNavigate();
  const [{ fetching }, replay] = useMutation(ReplayEventDocument);
  const { data } = useAsked(VersionNumbersDocument, { function: to.id });
  const [version, setVersion] = useState("current");
  const current = data?.function?.currentVersion?.number;
  return (
    <form
      onSubmit={async (event) => {
        event.preventDefault();
        const result = await replay({
          id,
          function: to.id,
          version: version === "current" ? null : Number(version),
        });
        const made = result.data?.replayEvent;
        if (!accepted("It was not sent", result.error, made) || !made?.run) return;
        close();
        notifyDone(`${to.name} gets the event again.`);
        await navigate({ to: "/runs/$id", params: { id: made.run.id } });
      }}
    >
      <Stack>
        <Text size="sm">
          The function gets the event as it was recorded, whether or not its triggers fit, as a run of its own.
          {to.state !== "RUNNING" && ` It is ${to.state.toLowerCase()} now; the server says whether that can be.`}
        </Text>
        <Select
          label="Version"
          data={[
            { value: "current", label: `The one that answers now${current === undefined ? "" : ` (v${current})`}` },
            ...versionNumbers(data?.function?.versions.nodes[0]?.number).map((number) => ({
              value: String(number),
              label: `v${number}`,
            })),
          ]}
          value={version}
          onChange={(to) => setVersion(to ?? "current")}
          searchable
          limit={100}
          allowDeselect={false}
        />
        <Group justify="flex-end">
          <Button variant="default" onClick={close}>
            Cancel
          </Button>
          <Button type="submit" loading={fetching}>
            Send
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
