// Editing a schedule, with its next due times.

import { Autocomplete, Group, List, Select, SimpleGrid, Stack, Text, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { FireTimesDocument } from "../../../../graphql/generated.ts";
import { useAsked } from "../../../../graphql/live.ts";
import { exact } from "../../../../lib/time.ts";
import { errorText } from "../../../../ui/states.tsx";
import { When } from "../../../../ui/when.tsx";
import { withField } from "../manifest.ts";
import { type TriggerProps, textOf } from "./trigger.ts";

const zones: readonly string[] = ["UTC", ...Intl.supportedValuesOf("timeZone").filter((zone) => zone !== "UTC")];

/** The server is queried when typing has paused for this long, in milliseconds. */
const SETTLE = 300;

export function ScheduleTrigger({ trigger, at, set, readOnly, fault, live }: TriggerProps) {
  const zone = textOf(trigger.timezone) || "UTC";
  const known = live.find(
    (one) => one.type === "schedule" && one.cron === trigger.cron && (one.timezone ?? "UTC") === zone,
  );
  // An unsaved schedule is queried as it is typed; one whose function is not running has no due times of its own.
  const due = known?.nextFireTimes?.length ? known.nextFireTimes : undefined;
  const [cron] = useDebouncedValue(textOf(trigger.cron), SETTLE);
  const [timezone] = useDebouncedValue(zone, SETTLE);
  const { data, error } = useAsked(FireTimesDocument, { cron, timezone }, due !== undefined || cron.trim() === "");
  const times = due ?? (error ? null : data?.fireTimes);
  const refused = cron.trim() === "" ? "Enter a schedule." : error ? errorText(error) : null;
  const field = (name: string) => (value: string | null) => set(withField(trigger, name, value ?? ""));
  return (
    <SimpleGrid cols={{ base: 1, sm: 2 }}>
      <Stack gap="xs">
        <TextInput
          size="xs"
          label="Cron"
          description="Minute, hour, day of month, month, day of week; or @daily, @hourly …"
          value={textOf(trigger.cron)}
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
            value={textOf(trigger.catch_up) || "none"}
            onChange={field("catch_up")}
            allowDeselect={false}
            readOnly={readOnly}
          />
          <Select
            size="xs"
            label="While the last one runs"
            data={[
              { value: "allow", label: "it runs beside it" },
              { value: "forbid", label: "it is skipped" },
            ]}
            value={textOf(trigger.overlap) || "allow"}
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
            In the time zone of this browser. It fires only while the function runs
            {known ? "" : ", once a version with it is there"}.
          </Text>
        )}
      </div>
    </SimpleGrid>
  );
}
