// A new function: from Git, written here, from an archive or a folder, from an image.

import "@mantine/core/styles/Progress.css";
import {
  Alert,
  Anchor,
  Autocomplete,
  Button,
  Group,
  Loader,
  Modal,
  Progress,
  SegmentedControl,
  Select,
  Stack,
  Tabs,
  Text,
  TextInput,
} from "@mantine/core";
import { useDebouncedValue, useMediaQuery } from "@mantine/hooks";
import { Link, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useMutation, useQuery } from "urql";
import {
  FunctionNamedDocument,
  NamespacesDocument,
  RegisterFunctionDocument,
  type SourceInput,
} from "../../../graphql/generated.ts";
import { useAsked } from "../../../graphql/live.ts";
import { preset } from "../../../lib/namespace.ts";
import { tarGz } from "../../../lib/tar.ts";
import { CodeEditor } from "../../../ui/codeEditor.tsx";
import { jsonFault } from "../../../ui/jsonEditor.tsx";
import { told } from "../../../ui/states.tsx";
import { useViewer } from "../../auth/viewer.tsx";
import { nameFault, nameFrom, runsImages } from "../model.ts";
import { useActions } from "../useActions.ts";
import { DropZone, sendable } from "./DropZone.tsx";
import type { From } from "./from.ts";
import { filesOf, named, TEMPLATES, type TemplateName } from "./templates.ts";
import { type Dropped, packed, upload } from "./upload.ts";

export function Register({ from, change }: { from: From | undefined; change: (from: From | undefined) => void }) {
  const narrow = useMediaQuery("(max-width: 48em)", false, { getInitialValueInEffect: false });
  return (
    <Modal
      opened={from !== undefined}
      onClose={() => change(undefined)}
      title="Register a function"
      size={from === "write" ? "xl" : "lg"}
      fullScreen={narrow}
    >
      {from && <Form from={from} change={change} />}
    </Modal>
  );
}

interface Fault {
  message: string;
  field: string[] | null;
}

const FIELDS = ["name", "namespace", "url", "ref", "path", "image", "command"];

function Form({ from, change }: { from: From; change: (from: From | undefined) => void }) {
  const navigate = useNavigate();
  const actions = useActions();
  const { namespaces, server } = useViewer();
  const { data: there } = useAsked(NamespacesDocument, {}, namespaces !== null);
  const [, register] = useMutation(RegisterFunctionDocument);
  const [namespace, setNamespace] = useState(() => preset(namespaces));
  const [typed, setTyped] = useState<string | null>(null);
  const [url, setUrl] = useState("");
  const [ref, setRef] = useState("");
  const [path, setPath] = useState("");
  const [image, setImage] = useState("");
  const [command, setCommand] = useState("");
  const [dropped, setDropped] = useState<Dropped | null>(null);
  const [template, setTemplate] = useState<TemplateName>("node");
  const [written, setWritten] = useState(() => filesOf("node"));
  const [sent, setSent] = useState<number | null>(null);
  const [busy, setBusy] = useState(false);
  const [faults, setFaults] = useState<readonly Fault[]>([]);

  const guess = nameFrom(
    from === "git"
      ? path || url
      : from === "image"
        ? (image.split("@")[0] ?? "").replace(/:[^:/]*$/, "")
        : from === "upload" && dropped
          ? "archive" in dropped
            ? dropped.archive.name
            : (dropped.folder ?? "")
          : from === "write"
            ? `my-${template}`
            : "",
  );
  const name = typed ?? guess;
  const taken = useTaken(namespace, name);
  // Nobody is told off before having typed.
  const wrong = name === "" && typed === null ? null : nameFault(name);
  const fault = (field: string) => faults.find((one) => one.field?.at(-1) === field)?.message;
  const general = faults.filter((one) => !FIELDS.includes(one.field?.at(-1) ?? ""));
  const broken = from === "write" ? jsonFault(written["function.json"] ?? "") : null;

  const blob = async (): Promise<Blob> => {
    if (from === "upload") {
      if (!dropped) throw new Error("Drop or choose a folder or an archive first.");
      return packed(dropped);
    }
    const text = new TextEncoder();
    return tarGz(
      Object.entries(written).map(([file, content]) => ({
        path: file,
        content: text.encode(file === "function.json" ? named(content, name) : content),
      })),
    );
  };

  const source = async (): Promise<SourceInput> => {
    if (from === "git") return { git: { url: url.trim(), ref: ref.trim() || null, path: path.trim() || null } };
    if (from === "image") {
      const words = command.trim() === "" ? null : command.trim().split(/\s+/);
      return { image: { image: image.trim(), command: words } };
    }
    setSent(0);
    const digest = await upload(await blob(), setSent);
    return { bundle: { digest } };
  };

  const submit = async () => {
    setBusy(true);
    setFaults([]);
    try {
      const { data, error } = await register({ input: { namespace, name, source: await source() } });
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
            <Group grow align="flex-end">
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
        {from === "upload" && <DropZone value={dropped} choose={setDropped} />}
        {from === "write" && (
          <Write
            template={template}
            choose={(to) => {
              setTemplate(to);
              setWritten(filesOf(to));
            }}
            files={written}
            change={(file, content) => setWritten((now) => ({ ...now, [file]: content }))}
          />
        )}
        {from === "image" && (
          <>
            {!runsImages(server.executor) && (
              <Alert color="yellow" p="xs" title="This server does not run images">
                Its functions run in {server.executor}. Images need EVENTFLOW_EXECUTOR=docker or kubernetes: until then
                the build of this function will fail.
              </Alert>
            )}
            <TextInput
              label="Image"
              placeholder="ghcr.io/you/thumbnails:1"
              value={image}
              onChange={(event) => setImage(event.currentTarget.value)}
              error={fault("image")}
              required
              data-autofocus
            />
            <TextInput
              label="Command"
              placeholder="the image's own"
              value={command}
              onChange={(event) => setCommand(event.currentTarget.value)}
              error={fault("command")}
            />
          </>
        )}
        <Group grow align="flex-start">
          <TextInput
            label="Name"
            description={wrong || taken.id ? undefined : "A part of its address"}
            inputWrapperOrder={["label", "input", "description", "error"]}
            value={name}
            onChange={(event) => {
              setTyped(event.currentTarget.value);
              setFaults((now) => now.filter((one) => one.field?.at(-1) !== "name"));
            }}
            error={
              fault("name") ??
              wrong ??
              (taken.id && (
                <>
                  There is a function of this name already:{" "}
                  <Anchor component={Link} to={`/functions/${taken.id}`} size="xs">
                    look at it
                  </Anchor>
                </>
              ))
            }
            rightSection={taken.asking ? <Loader size={14} /> : null}
            required
          />
          {namespaces === null ? (
            <Autocomplete
              label="Namespace"
              description={fault("namespace") ? undefined : "A new one is created if needed"}
              inputWrapperOrder={["label", "input", "description", "error"]}
              data={there?.namespaces.map((one) => one.name) ?? []}
              value={namespace}
              onChange={setNamespace}
              error={fault("namespace")}
              required
            />
          ) : (
            namespaces.length > 1 && (
              <Select
                label="Namespace"
                data={namespaces}
                value={namespace}
                onChange={(value) => value && setNamespace(value)}
                error={fault("namespace")}
                allowDeselect={false}
              />
            )
          )}
        </Group>
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
          <Button
            type="submit"
            loading={busy}
            disabled={nameFault(name) !== null || broken !== null || (from === "upload" && !sendable(dropped))}
          >
            Register and build
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

/** Whether a name is taken; asked when the typing rests. */
function useTaken(namespace: string, name: string): { id: string | null; asking: boolean } {
  const [rested] = useDebouncedValue(name, 250);
  const fits = nameFault(rested) === null;
  const [{ data, fetching }] = useQuery({
    query: FunctionNamedDocument,
    variables: { namespace, name: rested },
    pause: !fits,
    requestPolicy: "network-only",
  });
  const found = fits && rested === name ? data?.function : null;
  return {
    id: found && found.name === name && found.state !== "DEREGISTERED" ? found.id : null,
    asking: fits && (fetching || rested !== name),
  };
}

function Write({
  template,
  choose,
  files,
  change,
}: {
  template: TemplateName;
  choose: (template: TemplateName) => void;
  files: Readonly<Record<string, string>>;
  change: (file: string, content: string) => void;
}) {
  const names = Object.keys(files);
  const [picked, setPicked] = useState<string | null>(null);
  const open = picked !== null && names.includes(picked) ? picked : (names[0] ?? "");
  const fault = jsonFault(files["function.json"] ?? "");
  return (
    <Stack gap="xs">
      <Select
        label="Template"
        description={TEMPLATES[template].about}
        inputWrapperOrder={["label", "input", "description"]}
        data={Object.entries(TEMPLATES).map(([value, { label }]) => ({ value, label }))}
        value={template}
        onChange={(value) => {
          if (!value) return;
          setPicked(null);
          choose(value as TemplateName);
        }}
        allowDeselect={false}
        maw={460}
      />
      <Tabs value={open} onChange={setPicked} variant="outline" keepMounted={false}>
        <Tabs.List>
          {names.map((file) => (
            <Tabs.Tab key={file} value={file}>
              {file}
            </Tabs.Tab>
          ))}
        </Tabs.List>
        <Tabs.Panel value={open} pt={6}>
          <CodeEditor
            key={`${template}/${open}`}
            path={open}
            value={files[open] ?? ""}
            onChange={(content) => change(open, content)}
            height={280}
          />
        </Tabs.Panel>
      </Tabs>
      {fault && (
        <Text size="xs" c="red" role="alert">
          function.json: {fault}
        </Text>
      )}
    </Stack>
  );
}
