// How a function is configured, as forms. What is changed here is a manifest that beats the function.json of its
// source, as a whole; it takes effect with the next build.

import {
  Alert,
  Anchor,
  Button,
  Card,
  Code,
  Group,
  Modal,
  Paper,
  Stack,
  Tabs,
  Text,
  TextInput,
  Title,
} from "@mantine/core";
import { useBlocker, useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useMutation } from "urql";
import {
  FunctionChangedDocument,
  FunctionSettingsDocument,
  type FunctionSettingsQuery,
  type SourceInput,
  UpdateFunctionDocument,
} from "../../../graphql/generated.ts";
import { useAsked, useFollowed } from "../../../graphql/live.ts";
import { faults } from "../../../lib/schema.ts";
import { describeSource } from "../../../lib/source.ts";
import { Confirm } from "../../../ui/confirm.tsx";
import { Difference } from "../../../ui/difference.tsx";
import { JsonEditor } from "../../../ui/jsonEditor.tsx";
import { accepted, tellDone } from "../../../ui/notify.ts";
import { Empty, Failure, told, Waiting } from "../../../ui/states.tsx";
import { useViewer } from "../../auth/viewer.tsx";
import { rolledBack } from "../model.ts";
import { useActions } from "../useActions.ts";
import { ordered } from "../versions/versions.ts";
import { Danger } from "./Danger.tsx";
import { Limits } from "./Limits.tsx";
import { isManifest, type Manifest, secretsOf, within } from "./manifest.ts";
import { EditTriggers } from "./Triggers.tsx";
import { useSchema } from "./useSchema.ts";
import { type Editing, Secret, Secrets, Variables } from "./Variables.tsx";

export type Part = "triggers" | "variables" | "limits" | "source" | "json" | "danger";

type Function_ = NonNullable<FunctionSettingsQuery["function"]>;
type Source = Function_["source"];

const PARTS: readonly (readonly [Part, string])[] = [
  ["triggers", "Triggers"],
  ["variables", "Variables and secrets"],
  ["limits", "Limits"],
  ["source", "Source"],
  ["json", "JSON"],
  ["danger", "Danger zone"],
];

export function Settings({ id, part, go }: { id: string; part: Part; go: (part: Part) => void }) {
  const { data, error, again, look } = useAsked(FunctionSettingsDocument, { id });
  useFollowed(FunctionChangedDocument, { id }, look);
  if (error && !data) return <Failure error={error} again={again} />;
  if (!data) return <Waiting again={again} />;
  const of = data.function;
  if (!of) return null;
  const known = new Map(
    data.secrets.filter((secret) => secret.namespace === of.namespace).map((secret) => [secret.name, secret.setAt]),
  );
  return <Edit of={of} known={known} part={part} go={go} />;
}

/** What is changed and not saved yet. */
interface Draft {
  manifest: Manifest;
  source: Source;
  /** What it was made from: when that changes meanwhile, saving would undo it. */
  base: string;
}

function Edit({
  of,
  known,
  part,
  go,
}: {
  of: Function_;
  known: ReadonlyMap<string, string>;
  part: Part;
  go: (part: Part) => void;
}) {
  const { mayWrite } = useViewer();
  const schema = useSchema();
  const navigate = useNavigate();
  const actions = useActions();
  const [{ fetching }, update] = useMutation(UpdateFunctionDocument);
  const [draft, setDraft] = useState<Draft | null>(null);
  // Another round has forms that forgot what was typed into them.
  const [round, setRound] = useState(0);
  const [previewing, setPreviewing] = useState(false);
  const [refusal, setRefusal] = useState<string | null>(null);

  const older = of.source.type === "git" && rolledBack(of.currentVersion?.number, of.versions.nodes[0]?.number);
  const version = of.currentVersion?.manifest;
  const given = of.manifestOverride;
  const saved: Manifest | null = isManifest(given) ? given : isManifest(version) ? version : null;
  const base = `${ordered(saved)}${ordered(of.source)}`;
  const manifest = draft?.manifest ?? saved;
  const source = draft?.source ?? of.source;
  const changedManifest = draft !== null && ordered(draft.manifest) !== ordered(saved);
  const changedSource = draft !== null && ordered(draft.source) !== ordered(of.source);
  const dirty = changedManifest || changedSource;
  const overtaken = dirty && draft !== null && draft.base !== base;
  const wrong = manifest && schema ? faults(manifest, schema) : [];
  const readOnly = !mayWrite || of.state === "DEREGISTERED";
  const unbuilt = isManifest(given) && isManifest(version) && !within(given, version);

  // Another part of the settings is the same page; the way in comes when the session is over.
  const leaving = useBlocker({
    shouldBlockFn: ({ current, next }) => dirty && next.pathname !== current.pathname && next.pathname !== "/sign-in",
    enableBeforeUnload: () => dirty,
    withResolver: true,
  });

  const edit = (what: Partial<Draft>) =>
    setDraft((now) => ({
      manifest: now?.manifest ?? saved ?? {},
      source: now?.source ?? of.source,
      base: now?.base ?? base,
      ...what,
    }));
  const discard = () => {
    setDraft(null);
    setRefusal(null);
    setRound((number) => number + 1);
  };
  const build = async () => {
    const made = await actions.build(of);
    if (made) await navigate({ to: "/functions/$id/builds", params: { id: of.id }, search: { build: made } });
  };
  const save = async (andBuild: boolean) => {
    setRefusal(null);
    const { data, error } = await update({
      input: {
        id: of.id,
        ...(changedManifest && draft ? { manifest: draft.manifest } : {}),
        ...(changedSource && draft ? { source: sourceInput(draft.source) } : {}),
      },
    });
    const refused = error ? told(error) : data?.updateFunction.userErrors.map(({ message }) => message).join(" ");
    if (refused) {
      setRefusal(refused);
      return;
    }
    setPreviewing(false);
    discard();
    if (andBuild) await build();
    else tellDone("Saved. The next build takes it.");
  };

  const drop = async () => {
    const { data, error } = await update({ input: { id: of.id, dropManifest: true } });
    if (!accepted("It was not dropped", error, data?.updateFunction)) return;
    discard();
    await build();
  };

  const editing: Editing | null = manifest && {
    manifest,
    change: (next) => edit({ manifest: next }),
    readOnly,
    fault: (path) => wrong.find((one) => one.path === path)?.message,
  };
  const named = manifest ? secretsOf(manifest) : { own: [], webhooks: [] };
  const missing = [...named.own, ...named.webhooks].filter((name) => !known.has(name));
  const needsBuild = (
    <Empty title="Nothing is built yet">
      What its function.json says is known with the first version. The source can be changed now.
    </Empty>
  );

  return (
    <Stack gap="md">
      <Tabs
        value={part}
        onChange={(to) => go((to ?? "triggers") as Part)}
        variant="pills"
        keepMounted={false}
        activateTabWithKeyboard={false}
      >
        <Tabs.List aria-label="Parts of the settings">
          {PARTS.map(([value, label]) => (
            <Tabs.Tab key={value} value={value} px="sm" py={6}>
              {label}
            </Tabs.Tab>
          ))}
        </Tabs.List>
      </Tabs>
      {unbuilt && !dirty && (
        <Alert color="blue" p="xs">
          <Group gap="sm">
            <Text size="sm">What is saved here is not in the version that answers yet.</Text>
            {!readOnly && (
              <Button size="compact-sm" onClick={() => void build()}>
                Build it
              </Button>
            )}
          </Group>
        </Alert>
      )}
      {missing.length > 0 && part !== "variables" && !readOnly && (
        <Alert color="orange" p="xs" title={missing.length === 1 ? "A secret is not set" : "Secrets are not set"}>
          <Text size="sm" mb={6}>
            It does not start without those that it names, and webhooks refuse what they cannot prove.
          </Text>
          <Stack gap={4}>
            {missing.map((name) => (
              <Secret
                key={name}
                name={name}
                namespace={of.namespace}
                setAt={undefined}
                note={named.own.includes(name) ? null : "proves a webhook"}
                mayWrite={mayWrite}
              />
            ))}
          </Stack>
        </Alert>
      )}
      {overtaken && (
        <Alert color="orange" p="xs" title="Somebody else changed it meanwhile">
          <Group gap="sm">
            <Text size="sm">Saving would put your settings in the place of theirs.</Text>
            <Button size="compact-sm" variant="default" onClick={discard}>
              Take theirs
            </Button>
          </Group>
        </Alert>
      )}
      {/* Forms keep rows of their own: while nothing is changed here, what somebody else saved begins them anew. */}
      <div key={`${round} ${draft?.base ?? base}`}>
        {part === "triggers" &&
          (editing ? (
            <EditTriggers
              {...editing}
              live={of.triggers}
              known={known}
              namespace={of.namespace}
              name={of.name}
              mayWrite={mayWrite}
            />
          ) : (
            needsBuild
          ))}
        {part === "variables" &&
          (editing ? (
            <Stack gap="md">
              <Variables {...editing} />
              <Secrets {...editing} namespace={of.namespace} known={known} mayWrite={mayWrite} />
            </Stack>
          ) : (
            needsBuild
          ))}
        {part === "limits" &&
          (editing ? schema ? <Limits {...editing} schema={schema} /> : <Waiting rows={3} /> : needsBuild)}
        {part === "source" && (
          <EditSource source={source} readOnly={readOnly} change={(next) => edit({ source: next })} />
        )}
        {part === "json" &&
          (editing ? (
            <Json_
              {...editing}
              wrong={wrong}
              overrides={isManifest(given)}
              drop={readOnly || !isManifest(given) || dirty ? undefined : drop}
            />
          ) : (
            needsBuild
          ))}
        {part === "danger" && (readOnly ? <Empty title="Nothing can be changed here" /> : <Danger of={of} />)}
      </div>
      {dirty && (
        <Paper
          withBorder
          shadow="md"
          p="sm"
          style={{ position: "sticky", bottom: 8, zIndex: 5 }}
          role="region"
          aria-label="Not saved yet"
        >
          <Group justify="space-between" gap="xs">
            <Text size="sm" c={wrong.length > 0 ? "red" : "inherit"} role="status">
              {wrong.length > 0
                ? `It does not fit yet: ${wrong[0]?.path} ${wrong[0]?.message}${wrong.length > 1 ? `, and ${wrong.length - 1} more` : ""}`
                : `Not saved yet: ${[changedManifest && "manifest", changedSource && "source"].filter(Boolean).join(" and ")}`}
            </Text>
            <Group gap="xs">
              <Button size="xs" variant="default" onClick={discard}>
                Discard
              </Button>
              <Button size="xs" onClick={() => setPreviewing(true)} disabled={wrong.length > 0}>
                Review and save
              </Button>
            </Group>
          </Group>
        </Paper>
      )}
      <Modal opened={previewing} onClose={() => setPreviewing(false)} title="What will change" size="xl">
        {draft && (
          <Stack>
            {changedSource && (
              <Difference
                before={ordered(shownSource(of.source))}
                after={ordered(shownSource(source))}
                label="Source"
              />
            )}
            {changedManifest && <Difference before={ordered(saved)} after={ordered(draft.manifest)} label="Manifest" />}
            {changedManifest && !isManifest(given) && (
              <Alert color="yellow" p="xs">
                From then on this manifest counts, and the <Code>function.json</Code> in {describeSource(of.source)} is
                not read any more when it is built: later changes of the configuration belong here.
              </Alert>
            )}
            {older && (
              <Alert
                color="yellow"
                p="xs"
                title={`Version ${older.answers} answers, and version ${older.newest} is newer`}
              >
                A build takes the newest code of the source, not that of version {older.answers}. If version{" "}
                {older.newest} was rolled back because of its code, mend that first, or name the commit of version{" "}
                {older.answers} under Source.
              </Alert>
            )}
            {refusal && (
              <Alert color="red" p="xs" role="alert" title="It was not saved">
                {refusal}
              </Alert>
            )}
            <Text size="sm" c="dimmed">
              Saving changes nothing that runs. A build makes a new version with it, which takes over when it is
              healthy.
            </Text>
            <Group justify="flex-end">
              <Button variant="default" onClick={() => setPreviewing(false)}>
                Back
              </Button>
              <Button variant="default" loading={fetching} onClick={() => void save(false)}>
                Save
              </Button>
              <Button loading={fetching} onClick={() => void save(true)}>
                Save and build
              </Button>
            </Group>
          </Stack>
        )}
      </Modal>
      <Modal opened={leaving.status === "blocked"} onClose={() => leaving.reset?.()} title="Leave without saving?">
        <Stack>
          <Text size="sm">What you changed in the settings of {of.name} is not saved, and will be forgotten.</Text>
          <Group justify="flex-end">
            <Button variant="default" onClick={() => leaving.reset?.()}>
              Stay
            </Button>
            <Button color="red" onClick={() => leaving.proceed?.()}>
              Leave
            </Button>
          </Group>
        </Stack>
      </Modal>
      {readOnly && (
        <Text size="xs" c="dimmed">
          {of.state === "DEREGISTERED" ? "It is gone: this is how it was." : "You may look, but not change anything."}
        </Text>
      )}
    </Stack>
  );
}

/** The members of a source that its kind has. */
function shownSource({ type, url, ref, path, digest, image, command }: Source): Record<string, unknown> {
  if (type === "git") return { type, url, ref, path };
  return type === "image" ? { type, image, command } : { type, digest };
}

function sourceInput({ type, url, ref, path, digest, image, command }: Source): SourceInput {
  const text = (value: string | null) => value?.trim() || null;
  if (type === "git") return { git: { url: url?.trim() ?? "", ref: text(ref), path: text(path) } };
  if (type === "image") return { image: { image: image?.trim() ?? "", command } };
  return { bundle: { digest: digest ?? "" } };
}

function EditSource({
  source,
  readOnly,
  change,
}: {
  source: Source;
  readOnly: boolean;
  change: (source: Source) => void;
}) {
  const field = (name: "url" | "ref" | "path" | "image") => ({
    value: source[name] ?? "",
    onChange: (event: { currentTarget: { value: string } }) =>
      change({ ...source, [name]: event.currentTarget.value || null }),
    readOnly,
  });
  return (
    <Card withBorder>
      <Title order={3} size="h5">
        Source
      </Title>
      <Text size="xs" c="dimmed" mb="sm">
        Where the next build takes its code from.
      </Text>
      {source.type === "git" && (
        <Stack gap="sm">
          <TextInput label="Repository" {...field("url")} required className="mono-input" />
          <Group grow align="flex-end">
            <TextInput
              label="Branch, tag or commit"
              placeholder="the default branch"
              {...field("ref")}
              className="mono-input"
            />
            <TextInput label="Folder" placeholder="the root" {...field("path")} className="mono-input" />
          </Group>
        </Stack>
      )}
      {source.type === "image" && <TextInput label="Image" {...field("image")} required className="mono-input" />}
      {source.type === "bundle" && (
        <Text size="sm">
          An uploaded bundle, <span className="mono">{source.digest}</span>. Register a new upload under another name,
          or deploy one from the command line, to bring new code.
        </Text>
      )}
    </Card>
  );
}

function Json_({
  manifest,
  change,
  readOnly,
  wrong,
  overrides,
  drop,
}: Editing & {
  wrong: readonly { path: string; message: string }[];
  overrides: boolean;
  drop: (() => Promise<void>) | undefined;
}) {
  const [text, setText] = useState(() => JSON.stringify(manifest, null, 2));
  const [asking, setAsking] = useState(false);
  return (
    <Stack gap="xs">
      <Text size="sm" c="dimmed">
        {overrides
          ? "This manifest was given here and beats the function.json of the source, as a whole."
          : "What the version that answers was built with, every default filled in."}{" "}
        <Anchor href="/schemas/function.json" target="_blank" rel="noreferrer" size="sm" underline="always">
          Its schema
        </Anchor>
      </Text>
      {drop && (
        <div>
          <Button size="compact-sm" variant="default" onClick={() => setAsking(true)}>
            Use the function.json of the source again
          </Button>
          <Confirm
            opened={asking}
            close={() => setAsking(false)}
            title="Use the function.json of the source again"
            act="Drop and build"
            onConfirm={drop}
          >
            What was set here is dropped; its history keeps it. A build makes a new version from what the source says,
            which takes over when it is healthy.
          </Confirm>
        </div>
      )}
      <JsonEditor
        label="Manifest"
        note="As function.json has it"
        value={text}
        height={420}
        onChange={(next) => {
          setText(next);
          if (readOnly) return;
          try {
            const parsed = JSON.parse(next) as unknown;
            if (isManifest(parsed)) change(parsed);
          } catch {
            // Half typed: the editor says so.
          }
        }}
      />
      {wrong.map(({ path, message }) => (
        <Text key={`${path}${message}`} size="xs" c="red">
          <Code>{path || "/"}</Code> {message}
        </Text>
      ))}
    </Stack>
  );
}
