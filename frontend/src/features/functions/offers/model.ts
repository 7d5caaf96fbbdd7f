// The model of choosing among the folders of a repository that could be functions.

import type {
  FunctionRowFragment,
  OfferedFoldersQuery,
  RefusalFragment,
  RegisterFunctionInput,
  UpdateFunctionInput,
} from "../../../graphql/generated.ts";
import { nameFault } from "../name.ts";

type Build = Extract<NonNullable<OfferedFoldersQuery["node"]>, { offeredFolders: unknown }>;
export type Source = Build["source"];
export type Offered = Build["offeredFolders"][number];

/** A folder as it was offered, with the user's changes. */
export interface Choice {
  ticked: boolean;
  /** The typed name; the suggested one until something is typed. */
  name?: string | undefined;
  /** Why it was refused. */
  refused?: string | undefined;
  /** The function registered for it, until the server is queried again. */
  made?: { id: string; name: string } | undefined;
}

export type Choices = Readonly<Record<string, Choice>>;

const UNTOUCHED: Choice = { ticked: true };

/** Whether a node is a build with offers. */
export function isBuild(node: OfferedFoldersQuery["node"] | undefined): node is Build {
  return node !== null && node !== undefined && "offeredFolders" in node;
}

/** The offers with the user's choices. */
export function rowsOf(offered: readonly Offered[], choices: Choices) {
  const rows = offered.map((folder) => {
    const choice = choices[folder.path] ?? UNTOUCHED;
    return {
      ...folder,
      ...choice,
      name: choice.name ?? folder.suggestedName ?? "",
      made: choice.made ?? folder.function ?? undefined,
    };
  });
  const wanted = rows.filter((row) => row.ticked && !row.made);
  return rows.map((row) => {
    const twice = wanted.some((other) => other.path !== row.path && other.name === row.name && row.name !== "");
    const fault = nameFault(row.name) ?? (row.ticked && twice ? "Another folder has this name." : null);
    return { ...row, fault: row.made ? null : (row.refused ?? fault), registers: !row.made && fault === null };
  });
}

export type Row = ReturnType<typeof rowsOf>[number];

/** The rows to register together: selected and not registered yet. */
export function together(rows: readonly Row[]): { rows: Row[]; label: string; possible: boolean } {
  const wanted = rows.filter((row) => row.ticked && !row.made);
  const open = rows.filter((row) => !row.made);
  const all = wanted.length === open.length && open.length > 1;
  return {
    rows: wanted,
    label: all ? `Register all ${open.length}` : `Register ${wanted.length} selected`,
    possible: wanted.length > 0 && wanted.every((row) => row.registers),
  };
}

/** The registration of a function for a folder: same repository, same credentials. */
export function registration(
  of: Pick<FunctionRowFragment, "id" | "namespace">,
  source: Source,
  { path, name }: Pick<Row, "path" | "name">,
): RegisterFunctionInput {
  return {
    namespace: of.namespace,
    name,
    source: { git: { url: source.url ?? "", ref: source.ref, path } },
    credentialsOf: of.id,
  };
}

/** The update of the function itself to another folder. Its own ref stays, whatever ref was built. */
export function update(of: Pick<FunctionRowFragment, "id" | "source">, path: string): UpdateFunctionInput {
  return { id: of.id, source: { git: { url: of.source.url ?? "", ref: of.source.ref, path } } };
}

/** The ref to request so that the same is built again; null if it is the function's own. */
export function refOf(of: Pick<FunctionRowFragment, "source">, source: Source): string | null {
  return source.ref === of.source.ref ? null : source.ref;
}

/** Whether the function still uses the repository that contains the folders. */
export function stillThere(of: Pick<FunctionRowFragment, "source">, source: Source): boolean {
  return source.type === "git" && of.source.type === "git" && of.source.url === source.url;
}

/** Refusals in one sentence. */
export function because(refusals: readonly Pick<RefusalFragment, "message">[]): string {
  return refusals.map(({ message }) => message).join(" ");
}
