// What starts a run, to be edited: each kind with what it needs, and what it will do.

import {
  ActionIcon,
  Autocomplete,
  Badge,
  Button,
  Card,
  Group,
  List,
  Menu,
  Select,
  SimpleGrid,
  Stack,
  Text,
  TextInput,
} from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useState } from "react";
import { FireTimesDocument, type FunctionTriggersFragment } from "../../../graphql/generated.ts";
import { useAsked } from "../../../graphql/live.ts";
import { exact } from "../../../lib/time.ts";
import { Icon } from "../../../ui/icons.tsx";
import { told } from "../../../ui/states.tsx";
import { When } from "../../../ui/when.tsx";
import { Address } from "./Address.tsx";
import { Http } from "./Http.tsx";
import {
  filterOf,
  filterRows,
  newTrigger,
  type Row,
  type Trigger,
  triggersOf,
  withField,
  withItem,
} from "./manifest.ts";
import { type Editing, type Known, Secret } from "./Variables.tsx";

type Live = FunctionTriggersFragment["triggers"][number];

const zones: readonly string[] = ["UTC", ...Intl.supportedValuesOf("timeZone").filter((zone) => zone !== "UTC")];

const KINDS = [
  { type: "http", label: "HTTP", about: "An address of its own" },
  { type: "event", label: "Event", about: "Events whose type and content fit" },
  { type: "schedule", label: "Schedule", about: "The clock" },
  { type: "webhook", label: "Webhook", about: "Deliveries of GitHub and others, proved by a secret" },
];

export function EditTriggers({
  live,
  known,
  namespace,
  name,
  mayWrite,
  ...editing
}: Editing & { live: readonly Live[]; known: Known; namespace: string; name: string; mayWrite: boolean }) {
  const { manifest, change, readOnly } = editing;
  const triggers = triggersOf(manifest);
  const set = (next: readonly Trigger[]) => change({ ...manifest, triggers: next });
  return (
    <Stack gap="sm">
      {triggers.length === 0 && (
        <Text size="sm" c="dimmed">
          Nothing starts it but a call from here.
        </Text>
      )}
      {triggers.map((trigger, index) => (
        <One
          // biome-ignore lint/suspicious/noArrayIndexKey: a trigger has no name of its own; its kind keeps forms apart
          key={`${index}${String(trigger.type)}${triggers.length}`}
          trigger={trigger}
          at={`/triggers/${index}`}
          set={(next) => set(withItem(triggers, index, next))}
          live={live}
          known={known}
          namespace={namespace}
          name={name}
          mayWrite={mayWrite}
          {...editing}
        />
      ))}
      {!readOnly && (
        <Menu position="bottom-start">
          <Menu.Target>
            <Button
              size="xs"
              variant="default"
              leftSection={<Icon name="plus" size={13} />}
              style={{ alignSelf: "flex-start" }}
            >
              Add a trigger
            </Button>
          </Menu.Target>
          <Menu.Dropdown>
            {KINDS.filter(({ type }) => type !== "http" || !triggers.some((one) => one.type === "http")).map((kind) => (
              <Menu.Item key={kind.type} onClick={() => set([...triggers, newTrigger(kind.type)])}>
                {kind.label}
                <Text size="xs" c="dimmed">
                  {kind.about}
                </Text>
              </Menu.Item>
            ))}
          </Menu.Dropdown>
        </Menu>
      )}
    </Stack>
  );
}

interface OneProps extends Editing {
  trigger: Trigger;
  at: string;
  set: (next: Trigger | undefined) => void;
  live: readonly Live[];
  known: Known;
  namespace: string;
  name: string;
  mayWrite: boolean;
}

const word = (value: unknown) => (typeof value === "string" ? value : "");

function One(props: OneProps) {
  const { trigger, at, set, readOnly, fault } = props;
  return (
    <Card withBorder padding="sm">
      <Group justify="space-between" mb={6}>
        <Group gap="xs">
          <Badge variant="light" radius="sm" style={{ textTransform: "none" }}>
            {word(trigger.type)}
          </Badge>
          {fault(at) && (
            <Text size="xs" c="red">
              {fault(at)}
            </Text>
          )}
        </Group>
        {!readOnly && (
          <ActionIcon
            variant="subtle"
            color="gray"
            aria-label={`Remove the ${word(trigger.type)} trigger`}
            onClick={() => set(undefined)}
          >
            <Icon name="trash" size={14} />
          </ActionIcon>
        )}
      </Group>
      {trigger.type === "http" && <Http {...props} />}
      {trigger.type === "event" && <Event_ {...props} />}
      {trigger.type === "schedule" && <Schedule {...props} />}
      {trigger.type === "webhook" && <Webhook {...props} />}
    </Card>
  );
}

function Event_({ trigger, at, set, readOnly, fault }: OneProps) {
  const [rows, setRows] = useState<readonly Row[]>(() => filterRows(trigger.filter));
  const change = (next: readonly Row[]) => {
    setRows(next);
    const filter = filterOf(next);
    set(withField(trigger, "filter", Object.keys(filter).length > 0 ? filter : undefined));
  };
  const edit = (key: number, what: Partial<Row>) =>
    change(rows.map((row) => (row.key === key ? { ...row, ...what } : row)));
  return (
    <Stack gap="xs">
      <TextInput
        size="xs"
        label="Type of the events"
        description="Exact, or * for one segment, ** for the rest"
        placeholder="file.uploaded"
        value={word(trigger.pattern)}
        onChange={(event) => set({ ...trigger, pattern: event.currentTarget.value })}
        error={fault(`${at}/pattern`)}
        readOnly={readOnly}
        maw={420}
        className="mono-input"
      />
      <div>
        <Group gap="xs" mb={4}>
          <Text size="xs" fw={500}>
            Only those that contain
          </Text>
          {!readOnly && (
            <Button
              size="compact-xs"
              variant="subtle"
              onClick={() =>
                change([
                  ...rows,
                  {
                    key: Math.max(-1, ...rows.map(({ key }) => key)) + 1,
                    name: rows.length === 0 ? "data.kind" : "",
                    value: "",
                  },
                ])
              }
            >
              Add a condition
            </Button>
          )}
        </Group>
        {rows.length === 0 && (
          <Text size="xs" c="dimmed">
            Whatever they contain.
          </Text>
        )}
        <Stack gap={6}>
          {rows.map((row) => (
            <Group key={row.key} gap={6} wrap="nowrap">
              <TextInput
                size="xs"
                aria-label="Path in the event"
                placeholder="data.kind"
                value={row.name}
                onChange={(event) => edit(row.key, { name: event.currentTarget.value })}
                readOnly={readOnly}
                style={{ flex: 1 }}
                className="mono-input"
              />
              <Text size="xs">is</Text>
              <TextInput
                size="xs"
                aria-label={`Value at ${row.name || "the path"}`}
                placeholder="image"
                value={row.value}
                onChange={(event) => edit(row.key, { value: event.currentTarget.value })}
                readOnly={readOnly}
                style={{ flex: 1 }}
                className="mono-input"
              />
              {!readOnly && (
                <ActionIcon
                  variant="subtle"
                  color="gray"
                  size={30}
                  aria-label={`Remove the condition ${row.name}`}
                  onClick={() => change(rows.filter(({ key }) => key !== row.key))}
                >
                  <Icon name="trash" size={14} />
                </ActionIcon>
              )}
            </Group>
          ))}
        </Stack>
      </div>
    </Stack>
  );
}

/** Typing that stops for so long is asked about, in milliseconds. */
const SETTLE = 300;

function Schedule({ trigger, at, set, readOnly, fault, live }: OneProps) {
  const zone = word(trigger.timezone) || "UTC";
  const known = live.find(
    (one) => one.type === "schedule" && one.cron === trigger.cron && (one.timezone ?? "UTC") === zone,
  );
  // One that is not saved yet is asked about as it is typed; one whose function does not run has no times of its own.
  const due = known?.nextFireTimes?.length ? known.nextFireTimes : undefined;
  const [cron] = useDebouncedValue(word(trigger.cron), SETTLE);
  const [timezone] = useDebouncedValue(zone, SETTLE);
  const { data, error } = useAsked(FireTimesDocument, { cron, timezone }, due !== undefined || cron.trim() === "");
  const times = due ?? (error ? null : data?.fireTimes);
  const refused = cron.trim() === "" ? "Say when." : error ? told(error) : null;
  const field = (name: string) => (value: string | null) => set(withField(trigger, name, value ?? ""));
  return (
    <SimpleGrid cols={{ base: 1, sm: 2 }}>
      <Stack gap="xs">
        <TextInput
          size="xs"
          label="Cron"
          description="Minute, hour, day of month, month, day of week; or @daily, @hourly …"
          value={word(trigger.cron)}
          onChange={(event) => set({ ...trigger, cron: event.currentTarget.value })}
          error={fault(`${at}/cron`)}
          readOnly={readOnly}
          className="mono-input"
        />
        <Autocomplete
          size="xs"
          label="Time zone"
          data={[...zones]}
          limit={30}
          value={zone}
          onChange={(value) => set(withField(trigger, "timezone", value))}
          error={fault(`${at}/timezone`)}
          readOnly={readOnly}
        />
        <Group grow align="flex-start">
          <Select
            size="xs"
            label="Times that were missed"
            data={[
              { value: "none", label: "are left out" },
              { value: "last", label: "the newest runs" },
              { value: "all", label: "all run, 100 at most" },
            ]}
            value={word(trigger.catch_up) || "none"}
            onChange={field("catch_up")}
            allowDeselect={false}
            readOnly={readOnly}
          />
          <Select
            size="xs"
            label="While the last one runs"
            data={[
              { value: "allow", label: "it runs beside it" },
              { value: "forbid", label: "it is left out" },
            ]}
            value={word(trigger.overlap) || "allow"}
            onChange={field("overlap")}
            allowDeselect={false}
            readOnly={readOnly}
          />
        </Group>
      </Stack>
      <div>
        <Text size="xs" fw={500} mb={4}>
          Due next
        </Text>
        {times ? (
          <List size="sm">
            {times.map((time) => (
              <List.Item key={time}>
                {exact(time)}{" "}
                <Text span size="xs" c="dimmed">
                  <When at={time} />
                </Text>
              </List.Item>
            ))}
          </List>
        ) : (
          <Text size="sm" c={refused ? "red" : "dimmed"}>
            {refused ?? "asking …"}
          </Text>
        )}
        {times && (
          <Text size="xs" c="dimmed" mt={4}>
            In the time of this browser. It fires only while the function runs
            {known ? "" : ", once a version with it is there"}.
          </Text>
        )}
      </div>
    </SimpleGrid>
  );
}

const SCHEMES = [
  { value: "github", label: "GitHub (X-Hub-Signature-256)" },
  { value: "standard-webhooks", label: "Standard Webhooks" },
  { value: "hmac-sha256", label: "HMAC-SHA256 of the body" },
  { value: "token", label: "A token in a header" },
  { value: "none", label: "Not at all: anybody may call it" },
];

function Webhook({ trigger, at, set, readOnly, fault, live, known, namespace, name, mayWrite }: OneProps) {
  const scheme = word(trigger.scheme) || "none";
  const secret = word(trigger.secret);
  const own = word(trigger.name);
  const there = live.find((one) => one.type === "webhook" && one.name === own);
  const text = (field: string) => (event: { currentTarget: { value: string } }) =>
    set(withField(trigger, field, event.currentTarget.value));
  return (
    <SimpleGrid cols={{ base: 1, sm: 2 }}>
      <Stack gap="xs">
        <TextInput
          size="xs"
          label="Name"
          description="The last part of its address"
          value={own}
          onChange={(event) => set({ ...trigger, name: event.currentTarget.value })}
          error={fault(`${at}/name`)}
          readOnly={readOnly}
          className="mono-input"
        />
        <Select
          size="xs"
          label="How a delivery proves where it is from"
          data={SCHEMES}
          value={scheme}
          onChange={(value) => {
            if (!value) return;
            const next = withField(trigger, "scheme", value);
            set(value === "none" ? withField(next, "secret", undefined) : next);
          }}
          error={fault(`${at}/scheme`)}
          allowDeselect={false}
          readOnly={readOnly}
        />
        {scheme !== "none" && (
          <TextInput
            size="xs"
            label="Secret"
            description="The name of the namespace's secret that it is proved with"
            value={secret}
            onChange={text("secret")}
            error={fault(`${at}/secret`) ?? (secret === "" ? "This way needs one" : undefined)}
            readOnly={readOnly}
            className="mono-input"
          />
        )}
        {(scheme === "hmac-sha256" || scheme === "token") && (
          <TextInput
            size="xs"
            label="Header"
            placeholder={scheme === "token" ? "X-Webhook-Token" : "X-Signature-256"}
            value={word(trigger.header)}
            onChange={text("header")}
            error={fault(`${at}/header`)}
            readOnly={readOnly}
            className="mono-input"
          />
        )}
      </Stack>
      <Stack gap="xs">
        <div>
          <Text size="xs" fw={500} mb={4}>
            Address
          </Text>
          <Address
            url={there?.url}
            otherwise={`…/hooks/${namespace}/${name}/${own || "NAME"}, once a version with it is there.`}
          />
        </div>
        {secret !== "" && scheme !== "none" && (
          <div>
            <Text size="xs" fw={500} mb={4}>
              Secret
            </Text>
            <Secret
              name={secret}
              namespace={namespace}
              setAt={known.get(secret)}
              note={known.has(secret) ? null : "every delivery is refused"}
              mayWrite={mayWrite}
            />
          </div>
        )}
        {scheme === "none" && (
          <Text size="xs" c="orange">
            Whoever knows the address can start a run.
          </Text>
        )}
      </Stack>
    </SimpleGrid>
  );
}
