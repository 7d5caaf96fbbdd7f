// All functions, live.

import { Alert, Button, Group, Select, Text, TextInput } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { useNavigate } from "@tanstack/react-router";
import { useDeferredValue } from "react";
import { useViewer } from "../../app/session.tsx";
import type { FunctionMode, FunctionState } from "../../graphql/generated.ts";
import { Icon } from "../../ui/icons.tsx";
import { Page } from "../../ui/page.tsx";
import { Empty, Failure, Waiting } from "../../ui/states.tsx";
import { useTyped } from "../../ui/typed.ts";
import { First } from "./First.tsx";
import { Cards, Rows } from "./FunctionsList.tsx";
import { chosen } from "./model.ts";
import { Register } from "./Register.tsx";
import type { From } from "./source.ts";
import { PAGES, useCalls, useFunctions } from "./useFunctions.ts";

export type Sort = (typeof SORTS)[number]["value"];

export interface Search {
  q?: string;
  state?: FunctionState;
  mode?: FunctionMode;
  sort?: Sort;
  register?: From;
}

const STATES: { value: FunctionState; label: string }[] = [
  { value: "RUNNING", label: "Running" },
  { value: "STOPPED", label: "Stopped" },
  { value: "BUILT", label: "Built" },
  { value: "REGISTERED", label: "Registered" },
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

export function FunctionsPage({ search }: { search: Search }) {
  const navigate = useNavigate();
  const { mayWrite } = useViewer();
  const narrow = useMediaQuery("(max-width: 62em)", false, { getInitialValueInEffect: false });
  // Those that are gone come only when they are asked for by their state.
  const gone = search.state === "DEREGISTERED" ? search.state : undefined;
  const { rows: all, total, more, cut, error, again } = useFunctions(gone);
  const calls = useCalls(gone);
  // Typing is never slower than the list.
  const wanted = useDeferredValue(search);
  const rows = chosen(all ?? [], wanted, calls);

  const set = (change: Partial<Record<keyof Search, string | undefined>>) =>
    void navigate({ to: "/functions", search: (now) => ({ ...now, ...change }) as Search, replace: true });
  const [typed, type] = useTyped(search.q ?? "", (q) => set({ q: q || undefined }));
  const filtering = search.q !== undefined || search.state !== undefined || search.mode !== undefined;

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
            placeholder="Search by name or runtime"
            aria-label="Search functions"
            leftSection={<Icon name="search" size={13} />}
            value={typed}
            onChange={(event) => type(event.currentTarget.value)}
            style={{ flex: "1 1 180px", maxWidth: 340 }}
          />
          <Select
            size="xs"
            placeholder="Any state"
            aria-label="State"
            data={STATES}
            value={search.state ?? null}
            onChange={(state) => set({ state: state ?? undefined })}
            clearable
            w={130}
          />
          <Select
            size="xs"
            placeholder="Any mode"
            aria-label="Mode"
            data={MODES}
            value={search.mode ?? null}
            onChange={(mode) => set({ mode: mode ?? undefined })}
            clearable
            w={120}
          />
          {narrow && (
            <Select
              size="xs"
              aria-label="Order"
              data={SORTS}
              value={search.sort ?? "name"}
              onChange={(sort) => set({ sort: sort ?? undefined })}
              allowDeselect={false}
              w={150}
            />
          )}
        </Group>
      )}
      {error && !all ? (
        <Failure error={error} again={again} />
      ) : !all ? (
        <Waiting again={again} />
      ) : rows.length === 0 ? (
        filtering ? (
          <Empty
            title={more ? "No function matches so far" : "No function matches"}
            action={
              <Button
                size="xs"
                variant="default"
                onClick={() => set({ q: undefined, state: undefined, mode: undefined })}
              >
                Show all
              </Button>
            }
          />
        ) : (
          <First mayWrite={mayWrite} choose={(register) => set({ register })} />
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
          Only the first {(PAGES * 100).toLocaleString()} of {total.toLocaleString()} functions are loaded, by their
          names: search, filters and order know no others.
        </Alert>
      )}
    </Page>
  );
}
