// Incoming trigger events, and publishing one.

import { Anchor, Box, Button, Card, Group, Modal, Select, Table, Text, TextInput } from "@mantine/core";
import { Link, useNavigate } from "@tanstack/react-router";
import { lazy, type ReactNode, Suspense, useRef, useState } from "react";
import {
  EventReceivedDocument,
  type EventRowFragment,
  EventsDocument,
  NamespacesDocument,
} from "../../graphql/generated.ts";
import { useAsked, useFollowed } from "../../graphql/live.ts";
import { isOwn } from "../../lib/namespace.ts";
import { short } from "../../lib/time.ts";
import { Icon } from "../../ui/icons.tsx";
import { Page } from "../../ui/page.tsx";
import { Pager } from "../../ui/pager.tsx";
import { Empty, Failure, Waiting } from "../../ui/states.tsx";
import { When } from "../../ui/when.tsx";
import { useViewer } from "../auth/viewer.tsx";
import { patternFault } from "./model.ts";

const Publish = lazy(() => import("./Publish.tsx").then((module) => ({ default: module.Publish })));

export interface Search {
  type?: string;
  namespace?: string;
  after?: string;
  publish?: "yes";
}

type Change = { [K in keyof Search]?: Search[K] | undefined };

export function EventsPage({ search }: { search: Search }) {
  const navigate = useNavigate();
  const { mayWrite } = useViewer();
  const set = (change: Change) =>
    void navigate({
      to: "/events",
      search: (now) => ({ ...now, ...change }) as Search,
      replace: true,
      resetScroll: false,
    });
  const publish = mayWrite && (
    <Button size="xs" leftSection={<Icon name="event" size={13} />} onClick={() => set({ publish: "yes" })}>
      Publish an event
    </Button>
  );
  return (
    <Page title="Events" actions={publish}>
      <Modal
        opened={search.publish === "yes"}
        onClose={() => set({ publish: undefined })}
        title="Publish an event"
        size="lg"
      >
        <Suspense fallback={<Waiting />}>
          {search.publish === "yes" && <Publish close={() => set({ publish: undefined })} />}
        </Suspense>
      </Modal>
      <Stream
        key={`${search.type ?? ""} ${search.namespace ?? ""} ${search.after ?? ""}`}
        search={search}
        set={set}
        publish={publish}
      />
    </Page>
  );
}

function Stream({ search, set, publish }: { search: Search; set: (change: Change) => void; publish: ReactNode }) {
  const { type, namespace, after } = search;
  const { data, error, again, look } = useAsked(EventsDocument, {
    namespace: namespace ?? null,
    type: type ?? null,
    first: 50,
    after: after ?? null,
  });
  const [paused, setPaused] = useState(false);
  const [over, setOver] = useState(false);
  const [came, setCame] = useState(0);
  const held = (paused || over) && after === undefined;
  useFollowed(EventReceivedDocument, { namespace: namespace ?? null, type: type ?? null }, () => {
    if (after !== undefined) return;
    if (held) setCame((number) => number + 1);
    else look();
  });
  const all = data?.events.nodes ?? [];
  // The rows do not move while somebody reads them.
  const shownBefore = useRef<readonly EventRowFragment[]>([]);
  if (!held) shownBefore.current = all;
  const events = shownBefore.current;
  const release = () => {
    setCame(0);
    look();
  };
  const pause = () => {
    setPaused(!paused);
    if (paused) release();
  };
  return (
    <>
      <Group gap="xs">
        <TypeFilter value={type} set={set} />
        <NamespaceFilter value={namespace} seen={all.map((event) => event.namespace)} set={set} />
        {after === undefined && (
          <Button
            size="xs"
            variant={paused ? "filled" : "default"}
            leftSection={<Icon name={paused ? "run" : "pause"} size={13} />}
            onClick={pause}
            aria-pressed={paused}
          >
            {paused ? "Go on" : "Pause"}
          </Button>
        )}
        <Text size="xs" c="dimmed" role="status">
          {held
            ? came > 0
              ? `${came.toLocaleString()} new ${came === 1 ? "one" : "ones"} meanwhile`
              : paused
                ? "Paused"
                : "Held while you look"
            : after === undefined
              ? "Live"
              : "An older page: it stands still"}
        </Text>
      </Group>
      {error && !data ? (
        <Failure error={error} again={again} />
      ) : !data ? (
        <Waiting again={again} />
      ) : events.length === 0 ? (
        <Empty
          title={type ? `No event fits ${type}` : "No events yet"}
          action={
            type || namespace || after ? (
              <Button
                size="xs"
                variant="default"
                onClick={() => set({ type: undefined, namespace: undefined, after: undefined })}
              >
                Show all
              </Button>
            ) : (
              publish || undefined
            )
          }
        >
          Events come by <code>POST /v1/events</code>, webhooks, schedules and the queue; each starts the functions that
          wait for its type. They are kept for 24 hours unless the server is set otherwise.
        </Empty>
      ) : (
        <>
          <div
            onPointerEnter={(event) => event.pointerType === "mouse" && setOver(true)}
            onPointerLeave={() => {
              setOver(false);
              if (!paused && came > 0) release();
            }}
          >
            <Rows events={events} />
          </div>
          <Pager
            total={data.events.totalCount}
            shown={events.length}
            after={after}
            next={data.events.pageInfo.hasNextPage ? data.events.pageInfo.endCursor : null}
            go={(to) => set({ after: to })}
            what="events"
          />
        </>
      )}
    </>
  );
}

function TypeFilter({ value, set }: { value: string | undefined; set: (change: Change) => void }) {
  const [text, setText] = useState(value ?? "");
  const fault = patternFault(text.trim());
  const take = () => {
    const type = text.trim() || undefined;
    if (type !== value && !fault) set({ type, after: undefined });
  };
  return (
    <TextInput
      size="xs"
      placeholder="Type or pattern: file.*"
      aria-label="Type, or a pattern: * for one part, ** for the rest"
      leftSection={<Icon name="search" size={13} />}
      value={text}
      onChange={(event) => setText(event.currentTarget.value)}
      onBlur={take}
      onKeyDown={(event) => {
        if (event.key === "Enter") take();
      }}
      error={fault}
      style={{ flex: "1 1 200px", maxWidth: 320 }}
    />
  );
}

function NamespaceFilter({
  value,
  seen,
  set,
}: {
  value: string | undefined;
  /** The namespaces of the events on the page: one without functions is in no other list. */
  seen: readonly string[];
  set: (change: Change) => void;
}) {
  const { data } = useAsked(NamespacesDocument, {});
  const names = [...new Set([...(data?.namespaces.map(({ name }) => name) ?? []), ...seen])].sort();
  // A single namespace needs no choice.
  if (names.length < 2 && value === undefined) return null;
  return (
    <Select
      size="xs"
      placeholder="Any namespace"
      aria-label="Namespace"
      data={[...new Set([...names, ...(value ? [value] : [])])]}
      value={value ?? null}
      onChange={(namespace) => set({ namespace: namespace ?? undefined, after: undefined })}
      clearable
      w={160}
    />
  );
}

function Rows({ events }: { events: readonly EventRowFragment[] }) {
  return (
    <>
      <Box visibleFrom="sm">
        <Table verticalSpacing={6} highlightOnHover>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Type</Table.Th>
              <Table.Th>Source</Table.Th>
              <Table.Th>Subject</Table.Th>
              <Table.Th>Namespace</Table.Th>
              <Table.Th>Came in</Table.Th>
              <Table.Th>Id</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {events.map((event) => (
              <Table.Tr key={event.id}>
                <Table.Td maw={260}>
                  <Anchor component={Link} to={`/events/${event.id}`} size="sm" truncate display="block">
                    {event.type}
                  </Anchor>
                </Table.Td>
                <Table.Td maw={220}>
                  <Text size="sm" truncate title={event.source}>
                    {event.source}
                  </Text>
                </Table.Td>
                <Table.Td maw={160}>
                  <Text size="sm" truncate title={event.subject ?? undefined}>
                    {event.subject ?? "–"}
                  </Text>
                </Table.Td>
                <Table.Td maw={140}>
                  <Text size="sm" truncate>
                    {event.namespace}
                  </Text>
                </Table.Td>
                <Table.Td>
                  <When at={event.receivedAt} size="sm" />
                </Table.Td>
                <Table.Td className="mono">{short(event.id)}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </Box>
      <Box hiddenFrom="sm">
        {events.map((event) => (
          <Card key={event.id} withBorder padding="xs" mb={6}>
            <Group justify="space-between" gap="xs" wrap="nowrap">
              <Anchor component={Link} to={`/events/${event.id}`} size="sm" fw={500} truncate>
                {event.type}
              </Anchor>
              <When at={event.receivedAt} size="xs" c="dimmed" />
            </Group>
            <Text size="xs" c="dimmed" truncate>
              {event.source}
              {event.subject && ` · ${event.subject}`}
              {!isOwn(event.namespace) && ` · ${event.namespace}`}
            </Text>
          </Card>
        ))}
      </Box>
    </>
  );
}
