// Functions to begin with, edited in the browser.

/** A runtime's smallest function that does something. */
export interface Template {
  label: string;
  file: string;
  code: string;
  manifest: Record<string, unknown>;
}

const TRIGGERS = [{ type: "http" }, { type: "event", pattern: "demo.**" }];

export const TEMPLATES: Record<"node" | "python", Template> = {
  node: {
    label: "Node",
    file: "index.js",
    code: `// Called for every HTTP call and for every event that a trigger matches.
exports.handler = async (event, context) => {
  console.log("called by", event.type);
  const name = event.data?.name ?? "world";
  return { message: \`Hello, \${name}!\`, function: context.function, version: context.version };
};
`,
    manifest: { runtime: "node", mode: "service", handler: "index.handler", triggers: TRIGGERS },
  },
  python: {
    label: "Python",
    file: "main.py",
    code: `# Called for every HTTP call and for every event that a trigger matches.
def handler(event, context):
    print("called by", event["type"], flush=True)
    data = event.get("data") or {}
    name = data.get("name", "world") if isinstance(data, dict) else "world"
    return {"message": f"Hello, {name}!"}
`,
    manifest: { runtime: "python", mode: "service", handler: "main.handler", triggers: TRIGGERS },
  },
};
