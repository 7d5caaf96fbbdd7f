// Types and documents from the server's schema and the `.graphql` files that lie beside the components.
//
//   node scripts/codegen.mjs            writes src/graphql/generated.ts
//   node scripts/codegen.mjs --check    fails when that file is not what would be written

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { codegen } from "@graphql-codegen/core";
import * as operations from "@graphql-codegen/typescript-operations";
import { buildASTSchema, parse, print, stripIgnoredCharacters, validate, visit } from "graphql";

const root = fileURLToPath(new URL("..", import.meta.url));
const schemaFile = join(root, "../server/schema.graphql");
const output = join(root, "src/graphql/generated.ts");
const folders = ["src/app", "src/features", "src/graphql"];

/** Every document beside a component, by name, so that the output never depends on the disk's order. */
const written = folders
  .flatMap((folder) => readdirSync(join(root, folder), { recursive: true }).map((name) => join(root, folder, name)))
  .filter((path) => path.endsWith(".graphql"))
  .sort()
  .map((location) => ({ location: relative(root, location), document: parse(readFileSync(location, "utf8")) }));

/**
 * `query Two @like(query: "One") { field { … } }` asks for the same as the query One, and wants other members of it: it has
 * the variables of One, and the arguments of its field as far as it gives no others.
 */
function like(definition) {
  const directive = definition.directives?.find(({ name }) => name.value === "like");
  if (!directive) return definition;
  const wanted = directive.arguments[0]?.value.value;
  const one = written
    .flatMap(({ document }) => document.definitions)
    .find(({ kind, name }) => kind === "OperationDefinition" && name.value === wanted);
  if (!one) throw new Error(`codegen: ${definition.name.value} is like ${wanted}, which is not there`);
  const [[theirs], [field]] = [one, definition].map(({ selectionSet }) => selectionSet.selections);
  const own = new Set(field.arguments.map(({ name }) => name.value));
  const others = theirs.arguments.filter(({ name }) => !own.has(name.value));
  return {
    ...definition,
    directives: definition.directives.filter((other) => other !== directive),
    variableDefinitions: one.variableDefinitions,
    selectionSet: {
      ...definition.selectionSet,
      selections: [{ ...field, arguments: [...others, ...field.arguments] }],
    },
  };
}
const documents = written.map(({ location, document }) => ({
  location,
  document: { ...document, definitions: document.definitions.map(like) },
}));

const schema = parse(readFileSync(schemaFile, "utf8"));
const faults = validate(buildASTSchema(schema), {
  kind: "Document",
  definitions: documents.flatMap(({ document }) => document.definitions),
});
if (faults.length > 0) {
  for (const fault of faults) console.error(`codegen: ${fault.message}`);
  process.exit(1);
}

const shared = {
  scalars: { DateTime: "string", JSON: "unknown", ID: "string", Position: "number" },
  enumType: "string-literal",
  enumsAsTypes: true,
  useTypeImports: true,
  skipTypename: true,
  dedupeFragments: true,
  avoidOptionals: { field: true, inputValue: false, object: false, defaultValue: false },
};
const text = await codegen({
  filename: output,
  schema,
  documents,
  config: shared,
  plugins: [{ operations: {} }],
  pluginMap: { operations },
});

/** The text of a document with the fragments that it uses, and their types with it. Text is a third of its syntax tree. */
const definitions = documents.flatMap(({ document }) => document.definitions);
const fragments = new Map(
  definitions.filter(({ kind }) => kind === "FragmentDefinition").map((one) => [one.name.value, one]),
);
function used(definition, found = new Set()) {
  visit(definition, {
    FragmentSpread({ name: { value } }) {
      if (found.has(value)) return;
      found.add(value);
      used(fragments.get(value), found);
    },
  });
  return found;
}
const typed = definitions
  .filter(({ kind }) => kind === "OperationDefinition")
  .map((operation) => {
    const name = operation.name.value;
    const type = name + operation.operation[0].toUpperCase() + operation.operation.slice(1);
    const parts = [operation, ...[...used(operation)].sort().map((fragment) => fragments.get(fragment))];
    const query = JSON.stringify(stripIgnoredCharacters(parts.map(print).join("\n")));
    return `export const ${name}Document = ${query} as unknown as TypedDocumentNode<${type}, ${type}Variables>;`;
  });

const wanted = `// Written by scripts/codegen.mjs from server/schema.graphql; do not edit.

import type { TypedDocumentNode } from "@urql/core";

${text.trim()}

// Documents are texts; urql takes them as they are, and parses each when it is first asked.
${typed.join("\n")}
`;

if (process.argv.includes("--check")) {
  let there = "";
  try {
    there = readFileSync(output, "utf8");
  } catch {
    // Missing is stale.
  }
  if (there !== wanted) {
    console.error("codegen: src/graphql/generated.ts is stale: run `npm run codegen` in frontend/ and commit it");
    process.exit(1);
  }
} else {
  writeFileSync(output, wanted);
}
