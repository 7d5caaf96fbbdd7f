// Templates for functions, edited in the browser.

/** A minimal function. */
export interface Template {
  label: string;
  /** Its purpose, in a sentence. */
  about: string;
  /** Its files besides function.json; the first is opened in the editor. */
  files: Readonly<Record<string, string>>;
  manifest: Readonly<Record<string, unknown>>;
}

const TRIGGERS = [{ type: "http" }, { type: "event", pattern: "demo.**" }];

export const TEMPLATES = {
  node: {
    label: "Node service",
    about: "Answers HTTP calls, and events of the types demo.**; its process stays for the next call.",
    files: {
      "index.js": `// Called for every HTTP call and for every event that a trigger matches.
// event: { id, type, source, time, data }, and for an HTTP call http: { method, path, query, headers }
exports.handler = async (event, context) => {
  console.log("called by", event.type);
  const name = event.data?.name ?? event.http?.query.name ?? "world";
  return { message: \`Hello, \${name}!\`, function: context.function, version: context.version };
};
`,
    },
    manifest: { runtime: "node", mode: "service", handler: "index.handler", triggers: TRIGGERS },
  },
  job: {
    label: "Node event job",
    about: "Runs once for each event of the type order.created, in its own process, and is retried when it fails.",
    files: {
      "index.js": `// A job: one process for each event. When it throws, it is tried again, as function.json says.
exports.handler = async (event, context) => {
  const order = event.data ?? {};
  console.log(\`order \${order.id ?? "without a number"}, attempt \${context.attempt}\`);
  if (order.fail) throw new Error("this order cannot be processed");
  return { done: true, order: order.id ?? null };
};
`,
    },
    manifest: {
      runtime: "node",
      mode: "job",
      handler: "index.handler",
      triggers: [{ type: "event", pattern: "order.created" }],
      retry: { max_attempts: 3, backoff_s: 1 },
    },
  },
  python: {
    label: "Python",
    about: "Answers HTTP calls, and events of the types demo.**.",
    files: {
      "main.py": `# Called for every HTTP call and for every event that a trigger matches.
# event: id, type, source, time, data, and for an HTTP call http with method, path, query and headers
def handler(event, context):
    print("called by", event["type"], flush=True)
    data = event.get("data")
    name = data.get("name") if isinstance(data, dict) else None
    return {"message": f"Hello, {name or 'world'}!"}
`,
    },
    manifest: { runtime: "python", mode: "service", handler: "main.handler", triggers: TRIGGERS },
  },
  flask: {
    label: "Python Flask",
    about: "A Flask application, as it is. Its packages are installed while it is built.",
    files: {
      "app.py": `from flask import Flask, jsonify, request

app = Flask(__name__)


@app.get("/")
def hello():
    return jsonify(message=f"Hello, {request.args.get('name', 'world')}!")


@app.post("/")
def post():
    body = request.get_json(force=True, silent=True)
    name = body.get("name") if isinstance(body, dict) else None
    print("called with", body, flush=True)
    return jsonify(message=f"Hello, {name or 'world'}!")
`,
      "requirements.txt": "flask>=3,<4\n",
    },
    manifest: { runtime: "python-flask", mode: "service", triggers: [{ type: "http" }] },
  },
  command: {
    label: "Any program",
    about: "Whatever listens on $PORT, unchanged. This one happens to be written for Node.",
    files: {
      "server.js": `// Any program that listens on $PORT. An event arrives as a POST of the type application/cloudevents+json.
const { createServer } = require("node:http");

const server = createServer((request, response) => {
  console.log(request.method, request.url);
  const name = new URL(request.url, "http://localhost").searchParams.get("name") ?? "world";
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify({ message: \`Hello, \${name}!\` }));
});

server.listen(Number(process.env.PORT), "127.0.0.1");
process.on("SIGTERM", () => server.close());
`,
    },
    manifest: { runtime: "command", mode: "service", command: ["node", "server.js"], triggers: [{ type: "http" }] },
  },
} as const satisfies Record<string, Template>;

export type TemplateName = keyof typeof TEMPLATES;

/** The files of a template including function.json, ready to be edited. */
export function filesOf(template: TemplateName): Record<string, string> {
  const { files, manifest }: Template = TEMPLATES[template];
  return { ...files, "function.json": `${JSON.stringify(manifest, null, 2)}\n` };
}

/** The function.json to send: with the chosen name, if it can be parsed. */
export function named(manifest: string, name: string): string {
  try {
    const parsed = JSON.parse(manifest) as Record<string, unknown>;
    if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) return manifest;
    return `${JSON.stringify({ name, ...parsed, ...(parsed.name === undefined ? {} : { name }) }, null, 2)}\n`;
  } catch {
    return manifest;
  }
}
