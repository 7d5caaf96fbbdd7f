// The form for a new function: its source, name and namespace.

import { Alert, Button, Group, Progress, SegmentedControl, Stack, Text } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useMutation } from "urql";
import { RegisterFunctionDocument } from "../../../graphql/generated.ts";
import { preset } from "../../../lib/namespace.ts";
import { errorText } from "../../../ui/states.tsx";
import { useViewer } from "../../auth/viewer.tsx";
import { nameFault } from "../name.ts";
import { useActions } from "../useActions.ts";
import { type Code, codeFault, FIRST, guessedName, manifestOf, sourceOf } from "./code.ts";
import { DropZone } from "./DropZone.tsx";
import { FromGit } from "./FromGit.tsx";
import { FromImage } from "./FromImage.tsx";
import type { From } from "./from.ts";
import { Naming } from "./Naming.tsx";
import { filesOf } from "./templates.ts";
import { WriteFiles } from "./WriteFiles.tsx";
import "@mantine/core/styles/Progress.css";

interface Fault {
  message: string;
  field: string[] | null;
}

const FIELDS = ["name", "namespace", "url", "ref", "path", "image", "command"];

export function RegisterForm({ from, change }: { from: From; change: (from: From | undefined) => void }) {
  const navigate = useNavigate();
  const actions = useActions();
  const { namespaces } = useViewer();
  const [, register] = useMutation(RegisterFunctionDocument);
  const [namespace, setNamespace] = useState(() => preset(namespaces));
  const [typed, setTyped] = useState<string | null>(null);
  const [code, setCode] = useState<Code>(FIRST);
  const [sent, setSent] = useState<number | null>(null);
  const [busy, setBusy] = useState(false);
  const [faults, setFaults] = useState<readonly Fault[]>([]);

  const name = typed ?? guessedName(from, code);
  const fault = (field: string) => faults.find((one) => one.field?.at(-1) === field)?.message;
  const general = faults.filter((one) => !FIELDS.includes(one.field?.at(-1) ?? ""));
  const edit = (part: Partial<Code>) => setCode((now) => ({ ...now, ...part }));

  const submit = async () => {
    setBusy(true);
    setFaults([]);
    const manifest = manifestOf(from, code);
    try {
      const { data, error } = await register({
        input: {
          namespace,
          name,
          source: await sourceOf(from, code, name, setSent),
          ...(manifest && { manifest }),
        },
      });
      if (error) throw error;
      const made = data?.registerFunction;
      if (!made?.function) {
        setFaults(made?.userErrors ?? []);
        return;
      }
      const build = await actions.build(made.function);
      await navigate({ to: "/functions/$id/builds", params: { id: made.function.id }, search: build ? { build } : {} });
    } catch (error) {
      setFaults([{ message: errorText(error as Error), field: null }]);
    } finally {
      setBusy(false);
      setSent(null);
    }
  };

  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <Stack gap="sm">
        <SegmentedControl
          fullWidth
          value={from}
          onChange={(value) => {
            setFaults([]);
            change(value as From);
          }}
          data={[
            { value: "git", label: "Git" },
            { value: "write", label: "Write" },
            { value: "upload", label: "Upload" },
            { value: "image", label: "Image" },
          ]}
          aria-label="Where its code comes from"
        />
        {general.length > 0 && (
          <Alert color="red" role="alert" p="xs">
            {general.map((one) => one.message).join(" ")}
          </Alert>
        )}
        {from === "git" && <FromGit code={code} edit={edit} fault={fault} />}
        {from === "upload" && <DropZone value={code.dropped} choose={(dropped) => edit({ dropped })} />}
        {from === "write" && (
          <WriteFiles
            template={code.template}
            choose={(template) => edit({ template, written: filesOf(template) })}
            files={code.written}
            change={(file, content) => setCode((now) => ({ ...now, written: { ...now.written, [file]: content } }))}
          />
        )}
        {from === "image" && <FromImage code={code} edit={edit} fault={fault} />}
        <Naming
          name={name}
          typed={typed !== null}
          setName={(to) => {
            setTyped(to);
            setFaults((now) => now.filter((one) => one.field?.at(-1) !== "name"));
          }}
          namespace={namespace}
          setNamespace={setNamespace}
          fault={fault}
        />
        {sent !== null && (
          <div>
            <Progress value={sent * 100} aria-label="Sent" animated />
            <Text size="xs" c="dimmed" role="status">
              {sent < 1 ? `${Math.round(sent * 100)} % sent` : "Sent; the server unpacks it"}
            </Text>
          </div>
        )}
        <Group justify="flex-end">
          <Button variant="default" onClick={() => change(undefined)}>
            Cancel
          </Button>
          <Button type="submit" loading={busy} disabled={nameFault(name) !== null || codeFault(from, code)}>
            Register and build
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
