// The form fields for a container image.

import { Alert, TextInput } from "@mantine/core";
import { useViewer } from "../../auth/viewer.tsx";
import { runsImages } from "../model.ts";
import type { Code } from "./code.ts";

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
  return (
    <>
      {!runsImages(server.executor) && (
        <Alert color="yellow" p="xs" title="This server does not run images">
          Its functions run in {server.executor}. Images need EVENTFLOW_EXECUTOR=docker or kubernetes: until then the
          build of this function will fail.
        </Alert>
      )}
      <TextInput
        label="Image"
        placeholder="ghcr.io/you/thumbnails:1"
        value={code.image}
        onChange={(event) => edit({ image: event.currentTarget.value })}
        error={fault("image")}
        required
        data-autofocus
      />
      <TextInput
        label="Command"
        placeholder="the image's own"
        value={code.command}
        onChange={(event) => edit({ command: event.currentTarget.value })}
        error={fault("command")}
      />
    </>
  );
}
