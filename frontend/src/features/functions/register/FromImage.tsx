// The form fields for a container image.

import { Alert, Group, Text, TextInput } from "@mantine/core";
import { loginSecret, registryOf } from "../../../lib/image.ts";
import { useViewer } from "../../auth/viewer.tsx";
import { runsImages } from "../model.ts";
import { type Code, commandFault, healthFault, portFault } from "./code.ts";

export function FromImage({
  code,
  edit,
  fault,
}: {
  code: Code;
  edit: (part: Partial<Code>) => void;
  fault: (field: string) => string | undefined;
}) {
  const { server } = useViewer();
  const field = (name: "image" | "command" | "port" | "health") => ({
    value: code[name],
    onChange: (event: { currentTarget: { value: string } }) =>
      edit({ [name]: event.currentTarget.value } as Partial<Code>),
    className: "mono-input",
  });
  return (
    <>
      {!runsImages(server.executor) && (
        <Alert color="yellow" p="xs" title="This server does not run images">
          Its functions run in: {server.executor}. Images need a Docker engine. Start the server again with DOCKER_HOST
          set to one that answers; until then the build of this function will fail.
        </Alert>
      )}
      <TextInput
        label="Image"
        placeholder="ghcr.io/you/thumbnails:1"
        description="As for docker pull. Each build pulls it and keeps what the tag stands for then"
        {...field("image")}
        error={fault("image")}
        required
        data-autofocus
      />
      <TextInput
        label="Command"
        placeholder="the image's own"
        description="Replaces the image's CMD; quotes hold words together"
        {...field("command")}
        error={fault("command") ?? commandFault(code.command)}
      />
      <Group grow align="flex-start">
        <TextInput
          label="Port"
          placeholder="the image's own"
          inputMode="numeric"
          {...field("port")}
          error={portFault(code.port)}
        />
        <TextInput
          label="Health path"
          placeholder="the image's own check"
          {...field("health")}
          error={healthFault(code.health)}
        />
      </Group>
      {code.image.trim() !== "" && (
        <Text size="xs" c="dimmed">
          If it is private, {registryOf(code.image)} wants a login: set the secret{" "}
          <span className="mono">{loginSecret(code.image)}</span> under Settings, Source, and build again.
        </Text>
      )}
    </>
  );
}
