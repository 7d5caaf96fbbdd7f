// Editing an http trigger: the path, who may call, and from which pages.

import { NumberInput, Select, SimpleGrid, Stack, Switch, Text, TextInput } from "@mantine/core";
import { part, withCors, withField } from "../manifest.ts";
import { Address } from "./Address.tsx";
import { ListInput } from "./ListInput.tsx";
import type { TriggerProps } from "./trigger.ts";

/** The first fault of a list or of one of its items. */
function faultOf(fault: TriggerProps["fault"], at: string, list: unknown): string | undefined {
  const items = Array.isArray(list) ? list.map((_, index) => `${at}/${index}`) : [];
  return [at, ...items].map(fault).find((message) => message !== undefined);
}

export function HttpTrigger({ trigger, at, set, readOnly, fault, live }: TriggerProps) {
  const there = live.find(({ type, path }) => type === "http" && (path ?? undefined) === trigger.path);
  const open = trigger.auth === "none" || typeof trigger.path === "string";
  return (
    <SimpleGrid cols={{ base: 1, sm: 2 }}>
      <Stack gap="xs">
        <Address
          url={(there ?? live.find(({ type }) => type === "http"))?.url}
          otherwise="Its address is known once a version with it exists."
        />
        <Select
          size="xs"
          label="Who may call it"
          data={[
            { value: "token", label: "who has a token, or is signed in" },
            { value: "none", label: "everybody" },
          ]}
          value={trigger.auth === "none" ? "none" : "token"}
          onChange={(value) => set(withField(trigger, "auth", value === "none" ? "none" : undefined))}
          error={fault(`${at}/auth`)}
          allowDeselect={false}
          readOnly={readOnly}
        />
        <TextInput
          size="xs"
          label="A path of its own"
          description="On this server, in addition to its address; with /* all below it"
          placeholder="/shop/*"
          value={typeof trigger.path === "string" ? trigger.path : ""}
          onChange={(event) => set(withField(trigger, "path", event.currentTarget.value))}
          error={fault(`${at}/path`)}
          readOnly={readOnly}
          className="mono-input"
        />
        {there?.pathUrl && <Address url={there.pathUrl} otherwise="" />}
        {open && (
          <Text size="xs" c="orange">
            {trigger.auth === "none" && "Whoever knows the address can call it. "}
            The server must allow this for the namespace (EVENTFLOW_PUBLIC_FUNCTIONS); it refuses the build otherwise.
          </Text>
        )}
      </Stack>
      <Origins trigger={trigger} at={`${at}/cors`} set={set} readOnly={readOnly} fault={fault} />
    </SimpleGrid>
  );
}

/** Cross-origin pages. */
function Origins({
  trigger,
  at,
  set,
  readOnly,
  fault,
}: Pick<TriggerProps, "trigger" | "at" | "set" | "readOnly" | "fault">) {
  const cors = part(trigger, "cors");
  const change = (member: string) => (to: unknown) => set(withCors(trigger, member, to));
  const list = (member: string) => ({
    value: cors[member],
    set: (to: string[]) => change(member)(to.length > 0 ? to : undefined),
    error: faultOf(fault, `${at}/${member}`, cors[member]),
    readOnly,
  });
  return (
    <Stack gap="xs">
      <ListInput
        label="Pages of other origins that may call it"
        description="Origins such as https://shop.example.com, or * for all"
        placeholder="none"
        {...list("origins")}
      />
      {trigger.cors !== undefined && (
        <>
          <ListInput
            label="Methods they may use"
            placeholder="GET, HEAD, POST, PUT, PATCH, DELETE"
            {...list("methods")}
          />
          <ListInput label="Headers they may send" placeholder="authorization, content-type" {...list("headers")} />
          <NumberInput
            size="xs"
            label="Seconds for which browsers remember this"
            value={typeof cors.max_age_s === "number" ? cors.max_age_s : ""}
            onChange={(to) => change("max_age_s")(typeof to === "number" ? to : undefined)}
            allowDecimal={false}
            allowNegative={false}
            clampBehavior="none"
            placeholder="600"
            error={fault(`${at}/max_age_s`)}
            readOnly={readOnly}
          />
          <Switch
            size="xs"
            label="Browsers send cookies along"
            checked={cors.credentials === true}
            onChange={(event) => change("credentials")(event.currentTarget.checked || undefined)}
            error={fault(`${at}/credentials`)}
            disabled={readOnly}
          />
        </>
      )}
    </Stack>
  );
}
