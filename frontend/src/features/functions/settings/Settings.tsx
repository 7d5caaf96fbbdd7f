// The settings of a function, as forms. Changes here make a manifest that overrides the function.json of the source as
// a whole; it takes effect with the next build.

import { Stack, Tabs, Text } from "@mantine/core";
import { useState } from "react";
import { FunctionChangedDocument, FunctionSettingsDocument } from "../../../graphql/generated.ts";
import { useAsked, useFollowed } from "../../../graphql/live.ts";
import { faults } from "../../../lib/schema.ts";
import { Empty, Failure, Waiting } from "../../../ui/states.tsx";
import { useViewer } from "../../auth/viewer.tsx";
import { Danger } from "./Danger.tsx";
import { EditSource } from "./EditSource.tsx";
import type { Editing } from "./editing.ts";
import { Leaving } from "./Leaving.tsx";
import { Limits } from "./Limits.tsx";
import { ManifestJson } from "./ManifestJson.tsx";
import { secretsOf } from "./manifest.ts";
import { Notices } from "./Notices.tsx";
import { PARTS, type Part } from "./part.ts";
import { Review } from "./Review.tsx";
import { Secrets } from "./Secrets.tsx";
import { EditTriggers } from "./triggers/EditTriggers.tsx";
import { Unsaved } from "./Unsaved.tsx";
import { type ConfiguredFunction, useDraft } from "./useDraft.ts";
import { useSchema } from "./useSchema.ts";
import { Variables } from "./Variables.tsx";

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

function Edit({
  of,
  known,
  part,
  go,
}: {
  of: ConfiguredFunction;
  known: ReadonlyMap<string, string>;
  part: Part;
  go: (part: Part) => void;
}) {
  const { mayWrite } = useViewer();
  const schema = useSchema();
  const draft = useDraft(of);
  const { manifest, edit } = draft;
  const [previewing, setPreviewing] = useState(false);
  const wrong = manifest && schema ? faults(manifest, schema) : [];
  const readOnly = !mayWrite || of.state === "DEREGISTERED";

  const editing: Editing | null = manifest && {
    manifest,
    change: (next) => edit({ manifest: next }),
    readOnly,
    fault: (path) => wrong.find((one) => one.path === path)?.message,
  };
  const named = manifest ? secretsOf(manifest) : { own: [], webhooks: [] };
  const missing = [
    ...named.own.map((name) => ({ name, note: null })),
    ...named.webhooks.map((name) => ({ name, note: "proves a webhook" })),
  ].filter(({ name }) => !known.has(name));
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
      <Notices of={of} draft={draft} missing={part === "variables" ? [] : missing} readOnly={readOnly} />
      {/* Forms keep their own rows: as long as nothing is changed here, they are reset when somebody else saves. */}
      <div key={draft.key}>
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
          <EditSource
            source={draft.source}
            readOnly={readOnly}
            mayWrite={mayWrite}
            namespace={of.namespace}
            known={known}
            change={(next) => edit({ source: next })}
          />
        )}
        {part === "json" &&
          (editing ? (
            <ManifestJson
              {...editing}
              wrong={wrong}
              overrides={draft.overrides}
              drop={readOnly || !draft.overrides || draft.dirty ? undefined : draft.drop}
            />
          ) : (
            needsBuild
          ))}
        {part === "danger" && (readOnly ? <Empty title="Nothing can be changed here" /> : <Danger of={of} />)}
      </div>
      {draft.dirty && <Unsaved draft={draft} wrong={wrong} review={() => setPreviewing(true)} />}
      <Review of={of} draft={draft} opened={previewing} close={() => setPreviewing(false)} />
      <Leaving name={of.name} dirty={draft.dirty} />
      {readOnly && (
        <Text size="xs" c="dimmed">
          {of.state === "DEREGISTERED"
            ? "It is deregistered: these were its settings."
            : "You can view this, but not change it."}
        </Text>
      )}
    </Stack>
  );
}
