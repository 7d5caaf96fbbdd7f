import { describe, expect, it } from "vitest";
import { commandOf, loginSecret, pinned, registryOf, wordsOf } from "./image.ts";

describe("an image", () => {
  it("is pinned to its digest without its tag", () => {
    const digest = "sha256:ff";
    expect(
      ["nginx", "nginx:1.27", "localhost:5000/team/app:1", "registry.example/app:1@sha256:00"].map((name) =>
        pinned(name, digest),
      ),
    ).toEqual([
      "nginx@sha256:ff",
      "nginx@sha256:ff",
      "localhost:5000/team/app@sha256:ff",
      "registry.example/app@sha256:ff",
    ]);
  });

  it("comes from a registry", () => {
    expect(
      [
        "",
        "nginx",
        "team/app",
        "ghcr.io/team/app:1",
        "localhost/app",
        "registry.example:5000/app",
        "Host.example/a",
      ].map(registryOf),
    ).toEqual(["docker.io", "docker.io", "docker.io", "ghcr.io", "localhost", "registry.example:5000", "host.example"]);
    expect(loginSecret("ghcr.io/team/app:1")).toBe("registry-ghcr.io");
  });
});

describe("a command", () => {
  it("is words, and quotes hold some together", () => {
    expect(wordsOf(" run  it ")).toEqual(["run", "it"]);
    expect(wordsOf(`sh -c "echo 'a b' > \\"$X\\""`)).toEqual(["sh", "-c", `echo 'a b' > "$X"`]);
    expect(wordsOf(`a'b c'd '' \\ e`)).toEqual(["ab cd", "", " e"]);
    expect(wordsOf("  ")).toEqual([]);
  });

  it("is written so that it is read as it was", () => {
    const words = ["sh", "-c", `echo 'a' > "$X"`, "", "\\"];
    expect(wordsOf(commandOf(words))).toEqual(words);
    expect(commandOf(["run", "it now"])).toBe("run 'it now'");
  });

  it("is not understood with a quote that is not closed", () => {
    expect([wordsOf(`sh -c "a`), wordsOf("it's")]).toEqual([null, null]);
  });
});
