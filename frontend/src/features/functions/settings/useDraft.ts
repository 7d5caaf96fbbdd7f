// The unsaved changes to a function's settings.

import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";
import { useMutation } from "urql";
import { type FunctionSettingsQuery, UpdateFunctionDocument } from "../../../graphql/generated.ts";
import { accepted } from "../../../ui/notify.ts";
import { errorText } from "../../../ui/states.tsx";
import { useActions } from "../useActions.ts";
import { ordered } from "../versions/versions.ts";
import { isManifest, type Manifest, within } from "./manifest.ts";
import { type Source, sourceInput } from "./source.ts";

export type ConfiguredFunction = NonNullable<FunctionSettingsQuery["function"]>;

/** The unsaved changes. */
interface Draft {
  manifest: Manifest;
  source: Source;
  /** The settings they are based on: if those change meanwhile, saving would undo that. */
  base: string;
}

/** The draft, and the actions on it. */
export function useDraft(of: ConfiguredFunction) {
  const navigate = useNavigate();
  const actions = useActions();
  const [{ fetching }, update] = useMutation(UpdateFunctionDocument);
  const [draft, setDraft] = useState<Draft | null>(null);
  // A new round resets what was typed into the forms.
  const [round, setRound] = useState(0);
  const [refusal, setRefusal] = useState<string | null>(null);

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
  /** Saves it. Returns whether it was accepted; the reason for a refusal is in `refusal`. */
  const save = async (): Promise<boolean> => {
    setRefusal(null);
    const { data, error } = await update({
      input: {
        id: of.id,
        ...(changedManifest && draft ? { manifest: draft.manifest } : {}),
        ...(changedSource && draft ? { source: sourceInput(draft.source) } : {}),
      },
    });
    const refused = error ? errorText(error) : data?.updateFunction.userErrors.map(({ message }) => message).join(" ");
    if (refused) {
      setRefusal(refused);
      return false;
    }
    discard();
    return true;
  };

  const drop = async () => {
    const { data, error } = await update({ input: { id: of.id, dropManifest: true } });
    if (!accepted("It was not dropped", error, data?.updateFunction)) return;
    discard();
    await build();
  };

  return {
    /** Null as long as nothing was changed. */
    changed: draft,
    manifest,
    source,
    saved,
    changedManifest,
    changedSource,
    dirty,
    overtaken,
    /** Whether the settings contain a manifest that overrides the one in the source. */
    overrides: isManifest(given),
    /** Whether the saved settings are not in the running version. */
    unbuilt: isManifest(given) && isManifest(version) && !within(given, version),
    /** Changes whenever forms must reset their input. */
    key: `${round} ${draft?.base ?? base}`,
    refusal,
    saving: fetching,
    edit,
    discard,
    build,
    save,
    drop,
  };
}

export type SettingsDraft = ReturnType<typeof useDraft>;
