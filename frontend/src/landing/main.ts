// The landing page: says what this server says of itself, and nothing that it did not say.

import { acceptsDevToken, DEV_TOKEN, query } from "../lib/server.ts";

/** Functions listed on the page; the whole list is a query away. */
const SHOWN = 20;

interface Listed {
  functions: {
    totalCount: number;
    nodes: { name: string; state: string; runtime: string; currentVersion: { number: number } | null }[];
  };
}

function element(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no element #${id}`);
  return found;
}

async function showState() {
  const state = element("state");
  try {
    const response = await fetch("/readyz", { headers: { accept: "application/json" } });
    state.textContent = response.ok
      ? "Ready."
      : `Not ready: /readyz answered ${response.status}. What it says is below.`;
    state.dataset.ok = String(response.ok);
    const text = response.ok ? "" : (await response.text()).trim();
    if (text) {
      const readiness = element("readiness");
      readiness.textContent = pretty(text);
      readiness.hidden = false;
    }
  } catch {
    state.textContent = "The server does not answer. Is it still running?";
    state.dataset.ok = "false";
  }
}

function showCurl(dev: boolean) {
  const call = (token: string) =>
    `curl -H "Authorization: Bearer ${token}" ${location.origin}/function/hello`;
  element("token-hint").textContent = dev
    ? "The server runs with --dev: it has a demo function and takes the token dev-token, on this machine only."
    : "Sign in with the password that the first start printed, then call a function with the token.";
  element("curl").textContent = dev
    ? [
        "# Call it.",
        call(DEV_TOKEN),
        "",
        "# Publish an event that it waits for, and read what it wrote.",
        `curl -H "Authorization: Bearer ${DEV_TOKEN}" \\`,
        `  -H "ce-specversion: 1.0" -H "ce-type: demo.hello" \\`,
        `  -H "ce-source: /me" -H "ce-id: $(date +%s)" \\`,
        `  -H "Content-Type: application/json" -d '{"name":"Ada"}' \\`,
        `  ${location.origin}/v1/events`,
        `curl -H "Authorization: Bearer ${DEV_TOKEN}" \\`,
        `  ${location.origin}/v1/functions/hello/logs`,
      ].join("\n")
    : [
        "TOKEN=$(curl -s -H 'Content-Type: application/json' \\",
        `  -d '{"username":"admin","password":"…"}' ${location.origin}/auth/token | jq -r .token)`,
        call("$TOKEN"),
      ].join("\n");
}

async function showFunctions() {
  const document_ = `{ functions(first: ${SHOWN}) { totalCount nodes { name state runtime currentVersion { number } } } }`;
  const { functions } = await query<Listed>(document_, DEV_TOKEN);
  const rows = functions.nodes.map((listed) => {
    const row = document.createElement("tr");
    // Both are known with the first version.
    const runtime = listed.currentVersion ? listed.runtime : "–";
    for (const text of [listed.name, listed.state, runtime, listed.currentVersion?.number ?? "–"]) {
      const cell = document.createElement("td");
      cell.textContent = String(text);
      row.append(cell);
    }
    return row;
  });
  element("function-rows").replaceChildren(...rows);
  element("functions").hidden = rows.length === 0;
}

function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

void showState();
const dev = await acceptsDevToken();
showCurl(dev);
// The table is an extra: when it cannot be had, the page without it is still true.
if (dev) await showFunctions().catch((error: unknown) => console.warn("functions are not shown:", error));
