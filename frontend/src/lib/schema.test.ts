import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { faults, type Schema } from "./schema.ts";

const schema = JSON.parse(
  readFileSync(new URL("../../../server/src/builder/function.schema.json", import.meta.url), "utf8"),
) as Schema;
const messages = (manifest: unknown) => faults(manifest, schema).map(({ path, message }) => `${path} ${message}`);

describe("the schema of function.json", () => {
  it("takes what the templates of the runtimes say", () => {
    for (const runtime of ["node", "python", "python-flask", "command"]) {
      const path = new URL(`../../../runtimes/${runtime}/template/function.json`, import.meta.url);
      expect(messages(JSON.parse(readFileSync(path, "utf8"))), runtime).toEqual([]);
    }
  });

  it("reports what does not fit, and where", () => {
    expect(messages({})).toEqual(["/runtime is missing"]);
    expect(messages([])).toEqual([" must be an object"]);
    expect(messages({ runtime: "ruby" })).toEqual([
      "/runtime must be one of node, python, python-flask, command, docker",
    ]);
    expect(messages({ runtime: "command" })).toEqual(["/command is missing"]);
    expect(
      messages({ runtime: "node", scaling: { max: 0, most: 1 }, resources: { cpu: 0.001, timeout_s: 0 } }),
    ).toEqual([
      "/scaling/max must be 1 or more",
      "/scaling/most is not known here",
      "/resources/cpu must be 0.01 or more",
      "/resources/timeout_s must be more than 0",
    ]);
    expect(messages({ runtime: "node", env: { "A B": "x", C: 1 }, secrets: ["A", "A", "1"] })).toEqual([
      "/env/A B is no name that fits",
      "/env/C must be a text",
      "/secrets names something twice",
      "/secrets/2 has characters, or an order of them, that it may not have",
    ]);
  });

  it("takes a switch or a list of hosts as the network", () => {
    const network = (network: unknown) => messages({ runtime: "node", resources: { network } });
    for (const fits of [true, false, ["api.example.com", "10.1.2.0/24"]]) expect(network(fits)).toEqual([]);
    expect(network("api.example.com")).toEqual(["/resources/network must be true or false or a list"]);
    expect(network([])).toEqual(["/resources/network must have 1 or more"]);
    expect(network([1])).toEqual(["/resources/network/0 must be a text"]);
  });

  it("knows what each kind of trigger needs", () => {
    expect(
      messages({
        runtime: "node",
        triggers: [
          { type: "http" },
          { type: "event", pattern: "" },
          { type: "schedule", timezone: "Europe/Berlin" },
          { type: "webhook", name: "Git", scheme: "other", cron: "x" },
          { type: "mail" },
        ],
      }),
    ).toEqual([
      "/triggers/1/pattern must not be empty",
      "/triggers/2/cron is missing",
      "/triggers/3/name has characters, or an order of them, that it may not have",
      "/triggers/3/scheme must be one of github, standard-webhooks, hmac-sha256, stripe, slack, twilio, token, none",
      "/triggers/3/cron is not known here",
      "/triggers/4/type must be one of http, event, schedule, webhook",
    ]);
  });
});
