// Editing a webhook: its address, and how deliveries are authenticated.

import { Select, SimpleGrid, Stack, Text, TextInput } from "@mantine/core";
import { withField } from "../manifest.ts";
import { Secret } from "../Secret.tsx";
import { Address } from "./Address.tsx";
import { type TriggerProps, textOf } from "./trigger.ts";

const SCHEMES = [
  { value: "github", label: "GitHub (X-Hub-Signature-256)" },
  { value: "standard-webhooks", label: "Standard Webhooks" },
  { value: "hmac-sha256", label: "HMAC-SHA256 of the body" },
  { value: "token", label: "A token in a header" },
  { value: "none", label: "Not at all: anybody may call it" },
];

export function WebhookTrigger({
  trigger,
  at,
  set,
  readOnly,
  fault,
  live,
  known,
  namespace,
  name,
  mayWrite,
}: TriggerProps) {
  const scheme = textOf(trigger.scheme) || "none";
  const secret = textOf(trigger.secret);
  const own = textOf(trigger.name);
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
            value={textOf(trigger.header)}
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
