// The numbers of a manifest: resources, scaling, retries. Their meanings and ranges come from the schema.

import "@mantine/core/styles/NumberInput.css";
import "@mantine/core/styles/Switch.css";
import { Card, NumberInput, SimpleGrid, Stack, Switch, Text, Title } from "@mantine/core";
import type { Schema } from "../../../lib/schema.ts";
import type { Editing } from "./editing.ts";
import { part, withMember } from "./manifest.ts";
import { Network } from "./Network.tsx";

const PARTS = [
  { name: "resources", title: "Resources" },
  { name: "scaling", title: "Scaling" },
  { name: "retry", title: "Retry" },
];

/** Units, by suffix of the name. */
function unitOf(name: string): string | undefined {
  if (name.endsWith("_mb")) return " MiB";
  if (name.endsWith("_s")) return " s";
  return undefined;
}

export function Limits({ schema, ...editing }: Editing & { schema: Schema }) {
  return (
    <SimpleGrid cols={{ base: 1, md: 3 }}>
      {PARTS.map(({ name, title }) => {
        const of = schema.properties?.[name];
        return of && of !== true ? <Part key={name} name={name} title={title} schema={of} {...editing} /> : null;
      })}
    </SimpleGrid>
  );
}

function Part({
  name,
  title,
  schema,
  manifest,
  change,
  readOnly,
  fault,
}: Editing & { name: string; title: string; schema: Schema }) {
  const values = part(manifest, name);
  const idle = name === "scaling" && manifest.mode === "job";
  return (
    <Card withBorder>
      <Title order={3} size="h5">
        {title}
      </Title>
      <Text size="xs" c="dimmed" mb="sm">
        {idle ? "A job has one process for each run: this does not concern it." : schema.description}
      </Text>
      <Stack gap="sm">
        {Object.entries(schema.properties ?? {}).map(([member, of]) => {
          if (of === true) return null;
          const value = values[member] ?? of.default;
          const set = (to: unknown) => change(withMember(manifest, name, member, to));
          if (member === "network") {
            return (
              <Network
                key={member}
                schema={of}
                value={value}
                set={set}
                readOnly={readOnly}
                fault={(below) => fault(`/${name}/${member}${below}`)}
              />
            );
          }
          if (of.type === "boolean") {
            return (
              <Switch
                key={member}
                label={of.title}
                description={of.description}
                checked={value === true}
                onChange={(event) => set(event.currentTarget.checked)}
                disabled={readOnly}
              />
            );
          }
          const unit = unitOf(member);
          return (
            <NumberInput
              key={member}
              size="xs"
              label={of.title}
              description={of.description}
              value={typeof value === "number" ? value : ""}
              onChange={(to) => set(typeof to === "number" ? to : undefined)}
              allowDecimal={of.type === "number"}
              allowNegative={false}
              clampBehavior="none"
              step={of.type === "number" && (of.minimum ?? 1) < 1 ? 0.5 : 1}
              placeholder={String(of.default)}
              error={fault(`/${name}/${member}`)}
              readOnly={readOnly}
              {...(unit ? { suffix: unit } : {})}
            />
          );
        })}
      </Stack>
    </Card>
  );
}
