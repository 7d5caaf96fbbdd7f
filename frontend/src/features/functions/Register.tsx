// A new function: from Git, written here, from an archive or a folder, from an image.

import {
  Alert,
  Button,
  FileInput,
  Group,
  Modal,
  SegmentedControl,
  Stack,
  Text,
  Textarea,
  TextInput,
} from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { useRef, useState } from "react";
import { useMutation } from "urql";
import { RegisterFunctionDocument, type SourceInput } from "../../graphql/generated.ts";
import { entriesOf, tarGz } from "../../lib/tar.ts";
import { told } from "../../ui/states.tsx";
import { nameFrom } from "./model.ts";
import { TEMPLATES } from "./templates.ts";
import { useActions } from "./useActions.ts";

export type From = "git" | "write" | "upload" | "image";

export function Register({ from, change }: { from: From | undefined; change: (from: From | undefined) => void }) {
  return (
    <Modal opened={from !== undefined} onClose={() => change(undefined)} title="Register a function" size="lg">
      {from && <Form from={from} change={change} />}
    </Modal>
  );
}

/** Sends an archive; its digest is how the function names it. */
async function upload(file: Blob, zip: boolean): Promise<string> {
  const response = await fetch("/v1/bundles", {
    method: "POST",
    credentials: "same-origin",
    headers: { "x-requested-with": "EventFlow", "content-type": zip ? "application/zip" : "application/gzip" },
    body: file,
  });
  const answer = (await response.json()) as { digest?: string; error?: { message: string } };
  if (!response.ok || !answer.digest)
    throw new Error(answer.error?.message ?? `the server answered ${response.status}`);
  return answer.digest;
}

function Form({ from, change }: { from: From; change: (from: From | undefined) => void }) {
  const navigate = useNavigate();
  const actions = useActions();
  const [, register] = useMutation(RegisterFunctionDocument);
  const [name, setName] = useState<string | null>(null);
  const [url, setUrl] = useState("");
  const [ref, setRef] = useState("");
  const [path, setPath] = useState("");
  const [image, setImage] = useState("");
  const [file, setFile] = useState<File | null>(null);
  const [folder, setFolder] = useState<readonly File[]>([]);
  const [template, setTemplate] = useState<keyof typeof TEMPLATES>("node");
  const [code, setCode] = useState(TEMPLATES.node.code);
  const [busy, setBusy] = useState(false);
  const [faults, setFaults] = useState<{ message: string; field: string[] | null }[]>([]);

  const guess = nameFrom(
    from === "git"
      ? path || url
      : from === "image"
        ? (image.split("@")[0] ?? "").replace(/:[^:/]*$/, "")
        : (file?.name ?? folder[0]?.webkitRelativePath.split("/")[0] ?? ""),
  );
  const chosenName = name ?? guess;
  const fault = (field: string) => faults.find((one) => one.field?.at(-1) === field)?.message;
  const general = faults.filter((one) => !["name", "url", "ref", "path", "image"].includes(one.field?.at(-1) ?? ""));

  const bundle = async () => {
    if (from === "write") {
      const { file: path, manifest } = TEMPLATES[template];
      const text = new TextEncoder();
      const described = { name: chosenName, ...manifest };
      const entries = [
        { path, content: text.encode(code) },
        { path: "function.json", content: text.encode(`${JSON.stringify(described, null, 2)}\n`) },
      ];
      return upload(await tarGz(entries), false);
    }
    if (file) return upload(file, /zip$/i.test(file.name));
    if (folder.length > 0) return upload(await tarGz(await entriesOf(folder)), false);
    throw new Error("Choose an archive or a folder.");
  };

  const submit = async () => {
    setBusy(true);
    setFaults([]);
    try {
      const source: SourceInput =
        from === "git"
          ? { git: { url: url.trim(), ref: ref.trim() || null, path: path.trim() || null } }
          : from === "image"
            ? { image: { image: image.trim() } }
            : { bundle: { digest: await bundle() } };
      const { data, error } = await register({ input: { name: chosenName, source } });
      if (error) throw error;
      const made = data?.registerFunction;
      if (!made?.function) {
        setFaults(made?.userErrors ?? []);
        return;
      }
      const build = await actions.build(made.function);
      await navigate({ to: "/functions/$id/builds", params: { id: made.function.id }, search: build ? { build } : {} });
    } catch (error) {
      setFaults([{ message: told(error as Error), field: null }]);
    } finally {
      setBusy(false);
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
          onChange={(value) => change(value as From)}
          data={[
            { value: "git", label: "Git" },
            { value: "write", label: "Write it here" },
            { value: "upload", label: "Upload" },
            { value: "image", label: "Image" },
          ]}
        />
        {general.length > 0 && (
          <Alert color="red" role="alert" p="xs">
            {general.map((one) => one.message).join(" ")}
          </Alert>
        )}
        {from === "git" && (
          <>
            <TextInput
              label="Repository"
              placeholder="https://github.com/you/thumbnails"
              description="https, ssh, or a path on the server's disk"
              value={url}
              onChange={(event) => setUrl(event.currentTarget.value)}
              error={fault("url")}
              required
              data-autofocus
            />
            <Group grow align="flex-start">
              <TextInput
                label="Branch, tag or commit"
                placeholder="the default branch"
                value={ref}
                onChange={(event) => setRef(event.currentTarget.value)}
                error={fault("ref")}
              />
              <TextInput
                label="Folder"
                placeholder="the root"
                value={path}
                onChange={(event) => setPath(event.currentTarget.value)}
                error={fault("path")}
              />
            </Group>
          </>
        )}
        {from === "upload" && (
          <FileInput
            label="Archive"
            placeholder="Choose a file"
            description="A zip or tar.gz of the function's folder, 50 MiB at most"
            accept=".zip,.tgz,.gz,application/zip,application/gzip"
            value={file}
            onChange={setFile}
            clearable
          />
        )}
        {from === "upload" && !file && <Folder files={folder} choose={setFolder} />}
        {from === "write" && (
          <>
            <SegmentedControl
              size="xs"
              value={template}
              onChange={(value) => {
                const chosen = value as keyof typeof TEMPLATES;
                setTemplate(chosen);
                setCode(TEMPLATES[chosen].code);
              }}
              data={Object.entries(TEMPLATES).map(([value, { label }]) => ({ value, label }))}
              aria-label="Runtime"
              style={{ alignSelf: "flex-start" }}
            />
            <Textarea
              label={TEMPLATES[template].file}
              value={code}
              onChange={(event) => setCode(event.currentTarget.value)}
              autosize
              minRows={9}
              maxRows={18}
              spellCheck={false}
              styles={{ input: { fontFamily: "var(--mantine-font-family-monospace)", fontSize: 13 } }}
            />
            <Text size="xs" c="dimmed">
              Answers HTTP, and events of the types demo.**
            </Text>
          </>
        )}
        {from === "image" && (
          <>
            <TextInput
              label="Image"
              placeholder="ghcr.io/you/thumbnails:1"
              value={image}
              onChange={(event) => setImage(event.currentTarget.value)}
              error={fault("image")}
              required
              data-autofocus
            />
            <Text size="xs" c="dimmed">
              Images run where containers do: with the Docker or Kubernetes executor.
            </Text>
          </>
        )}
        <TextInput
          label="Name"
          description="Lower-case letters, digits and hyphens; a part of its address"
          value={chosenName}
          onChange={(event) => setName(event.currentTarget.value)}
          error={fault("name")}
          required
        />
        <Group justify="flex-end">
          <Button variant="default" onClick={() => change(undefined)}>
            Cancel
          </Button>
          <Button type="submit" loading={busy}>
            Register and build
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

/** A folder to choose; its files are packed here. */
function Folder({ files, choose }: { files: readonly File[]; choose: (files: readonly File[]) => void }) {
  const input = useRef<HTMLInputElement>(null);
  return (
    <Group gap="xs">
      <input
        ref={(element) => {
          input.current = element;
          element?.setAttribute("webkitdirectory", "");
        }}
        type="file"
        multiple
        hidden
        aria-label="Folder"
        onChange={(event) => choose([...(event.currentTarget.files ?? [])])}
      />
      <Button size="xs" variant="default" onClick={() => input.current?.click()}>
        Or choose a folder
      </Button>
      {files.length > 0 && (
        <Text size="xs" c="dimmed">
          {files.length} files in {files[0]?.webkitRelativePath.split("/")[0]}
        </Text>
      )}
    </Group>
  );
}
