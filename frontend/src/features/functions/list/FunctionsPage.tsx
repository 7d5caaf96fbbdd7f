// All functions, live.

import { Alert, Button, Group, Select, Text, TextInput } from "@mantine/core";
import { useDebouncedValue, useMediaQuery } from "@mantine/hooks";
import { useNavigate } from "@tanstack/react-router";
import { useDeferredValue } from "react";
import {
  type FunctionMode,
  type FunctionState,
  NamespacesDocument,
  type TriggerType,
} from "../../../graphql/generated.ts";
import { useAsked } from "../../../graphql/live.ts";
import { Icon } from "../../../ui/icons.tsx";
import { Page } from "../../../ui/page.tsx";
import { Empty, Failure, Waiting } from "../../../ui/states.tsx";
import { useTyped } from "../../../ui/typed.ts";
import { useViewer } from "../../auth/viewer.tsx";
import type { From } from "../register/from.ts";
import { Register } from "../register/Register.tsx";
import { Cards } from "./Cards.tsx";
import { FirstFunction } from "./FirstFunction.tsx";
import { chosen } from "./query.ts";
import { Rows } from "./Rows.tsx";
import { PAGES, useCalls, useFunctions } from "./useFunctions.ts";

export type Sort = (typeof SORTS)[number]["value"];

export interface Search {
  q?: string;
  state?: FunctionState;
  failed?: "yes";
  mode?: FunctionMode;
  runtime?: (typeof RUNTIMES)[number];
  trigger?: TriggerType;
  namespace?: string;
  sort?: Sort;
  register?: From;
}

const RUNTIMES = ["node", "python", "python-flask", "command", "docker"] as const;

/** An additional choice in the list of states: the latest build failed. */
const FAILED = "failed";

const TRIGGERS: { value: TriggerType; label: string }[] = [
  { value: "HTTP", label: "HTTP" },
  { value: "EVENT", label: "Events" },
  { value: "SCHEDULE", label: "Schedule" },
  { value: "WEBHOOK", label: "Webhook" },
];

const NOTHING = {
  q: undefined,
  state: undefined,
  failed: undefined,
  mode: undefined,
  runtime: undefined,
  trigger: undefined,
  namespace: undefined,
};

const STATES: { value: FunctionState | typeof FAILED; label: string }[] = [
  { value: "RUNNING", label: "Running" },
  { value: "STOPPED", label: "Stopped" },
  { value: "BUILT", label: "Built" },
  { value: "REGISTERED", label: "Registered" },
  { value: FAILED, label: "Newest build failed" },
  { value: "DEREGISTERED", label: "Deregistered" },
];

const MODES: { value: FunctionMode; label: string }[] = [
  { value: "SERVICE", label: "Services" },
  { value: "JOB", label: "Jobs" },
];

const SORTS = [
  { value: "name", label: "Name, A to Z" },
  { value: "-name", label: "Name, Z to A" },
  { value: "state", label: "State" },
  { value: "-state", label: "State, reversed" },
  { value: "-run", label: "Called last" },
  { value: "run", label: "Called longest ago" },
  { value: "-calls", label: "Most calls" },
  { value: "calls", label: "Fewest calls" },
  { value: "-updated", label: "Changed last" },
  { value: "updated", label: "Changed longest ago" },
] as const;

/** Sort keys that only the page can use. */
const BY_HERE: ReadonlySet<string> = new Set(["run", "calls"]);

/** The server is queried when typing has paused for this long, in milliseconds. */
const SETTLE = 150;

export function FunctionsPage({ search }: { search: Search }) {
  const navigate = useNavigate();
  const { mayWrite } = useViewer();
  const narrow = useMediaQuery("(max-width: 62em)", false, { getInitialValueInEffect: false });
  const [q] = useDebouncedValue(search.q, SETTLE);
  const { rows: all, total, more, cut, old, error, again, question } = useFunctions({ ...search, q });
  const calls = useCalls(question);
  // Loaded functions are filtered immediately; the server's answer adds the others. So typing never waits for the list.
  const wanted = useDeferredValue(search);
  const rows = chosen(all ?? [], wanted, calls);
  const asking = old || q !== search.q;
  const { data: there } = useAsked(NamespacesDocument, {});
  const namespaces = there?.namespaces.map(({ name }) => name) ?? [];

  const set = (change: Partial<Record<keyof Search, string | undefined>>) =>
    void navigate({ to: "/functions", search: (now) => ({ ...now, ...change }) as Search, replace: true });
  const [typed, type] = useTyped(search.q ?? "", (q) => set({ q: q || undefined }));
  // On a narrow screen the fields share its width.
  const width = (wide: number) => (narrow ? { flex: "1 1 140px" } : { width: wide });
  const filtering = Object.keys(NOTHING).some((name) => search[name as keyof Search] !== undefined);

  return (
    <Page
      title="Functions"
      actions={
        mayWrite && (
          <Button size="xs" leftSection={<Icon name="plus" size={14} />} onClick={() => set({ register: "git" })}>
            Register
          </Button>
        )
      }
    >
      <Register from={search.register} change={(register) => set({ register })} />
      {((all?.length ?? 0) > 0 || filtering) && (
        <Group gap="xs">
          <TextInput
            size="xs"
            placeholder="Search by name"
            aria-label="Search functions"
            leftSection={<Icon name="search" size={13} />}
            value={typed}
            onChange={(event) => type(event.currentTarget.value)}
            style={narrow ? { flex: "1 1 100%" } : { flex: "1 1 180px", maxWidth: 340 }}
          />
          <Select
            size="xs"
            placeholder="Any state"
            aria-label="State"
            data={STATES}
            value={search.failed ? FAILED : (search.state ?? null)}
            onChange={(state) =>
              set(
                state === FAILED
                  ? { state: undefined, failed: "yes" }
                  : { state: state ?? undefined, failed: undefined },
              )
            }
            clearable
            style={width(search.failed ? 170 : 130)}
          />
          <Select
            size="xs"
            placeholder="Any mode"
            aria-label="Mode"
            data={MODES}
            value={search.mode ?? null}
            onChange={(mode) => set({ mode: mode ?? undefined })}
            clearable
            style={width(120)}
          />
          <Select
            size="xs"
            placeholder="Any runtime"
            aria-label="Runtime"
            data={[...RUNTIMES]}
            value={search.runtime ?? null}
            onChange={(runtime) => set({ runtime: runtime ?? undefined })}
            clearable
            style={width(130)}
          />
          <Select
            size="xs"
            placeholder="Any trigger"
            aria-label="Trigger"
            data={TRIGGERS}
            value={search.trigger ?? null}
            onChange={(trigger) => set({ trigger: trigger ?? undefined })}
            clearable
            style={width(120)}
          />
          {(namespaces.length > 1 || search.namespace !== undefined) && (
            <Select
              size="xs"
              placeholder="Any namespace"
              aria-label="Namespace"
              data={[...new Set([...namespaces, ...(search.namespace ? [search.namespace] : [])])]}
              value={search.namespace ?? null}
              onChange={(namespace) => set({ namespace: namespace ?? undefined })}
              searchable
              clearable
              style={width(150)}
            />
          )}
          {narrow && (
            <Select
              size="xs"
              aria-label="Order"
              data={SORTS}
              value={search.sort ?? "name"}
              onChange={(sort) => set({ sort: sort ?? undefined })}
              allowDeselect={false}
              style={width(150)}
            />
          )}
        </Group>
      )}
      {error && !all ? (
        <Failure error={error} again={again} />
      ) : !all ? (
        <Waiting again={again} />
      ) : rows.length === 0 ? (
        asking || more ? (
          <Waiting again={again} />
        ) : filtering ? (
          <Empty
            title="No function matches"
            action={
              <Button size="xs" variant="default" onClick={() => set(NOTHING)}>
                Show all
              </Button>
            }
          />
        ) : (
          <FirstFunction mayWrite={mayWrite} choose={(register) => set({ register })} />
        )
      ) : narrow ? (
        <Cards rows={rows} calls={calls} />
      ) : (
        <Rows rows={rows} calls={calls} sort={search.sort} setSort={(sort) => set({ sort })} />
      )}
      {all && all.length > 0 && (
        <Text size="xs" c="dimmed" role="status">
          {rows.length.toLocaleString()} of {total.toLocaleString()} {total === 1 ? "function" : "functions"}
          {more && ", more are coming"}
        </Text>
      )}
      {cut && (
        <Alert color="yellow" p="xs">
          The first {(PAGES * 100).toLocaleString()} of {total.toLocaleString()} functions are loaded. Search and
          filters look at all of them
          {BY_HERE.has((search.sort ?? "name").replace("-", ""))
            ? "; the order by runs and calls is only that of those that are loaded."
            : ", and so does the order."}
        </Alert>
      )}
    </Page>
  );
}
