import { describe, expect, it } from "vitest";
import { codeFault, FIRST, guessedName, manifestOf, sourceOf } from "./code.ts";

describe("the code of a new function", () => {
  it("gives it a name", () => {
    expect([
      guessedName("git", { ...FIRST, url: "https://host/you/thumbs.git" }),
      guessedName("git", { ...FIRST, url: "https://host/you/many.git", path: "functions/mailer" }),
      guessedName("image", { ...FIRST, image: "ghcr.io:443/you/thumbs:1@sha256:0" }),
      guessedName("upload", { ...FIRST, dropped: { archive: new File([], "thumbs.tar.gz") } }),
      guessedName("upload", FIRST),
      guessedName("write", FIRST),
    ]).toEqual(["thumbs", "mailer", "thumbs", "thumbs", "", "my-node"]);
  });

  it("is sent only when it is whole", () => {
    expect([codeFault("git", FIRST), codeFault("write", FIRST), codeFault("upload", FIRST)]).toEqual([
      false,
      false,
      true,
    ]);
    expect(codeFault("write", { ...FIRST, written: { "function.json": "{" } })).toBe(true);
  });

  it("is an image with a manifest only where the image does not say it all", () => {
    expect(manifestOf("image", FIRST)).toBeNull();
    expect(manifestOf("git", { ...FIRST, port: "80" })).toBeNull();
    expect(manifestOf("image", { ...FIRST, port: "8081", health: " /up " })).toEqual({
      runtime: "docker",
      port: 8081,
      health: "/up",
    });
    const fault = (part: Partial<typeof FIRST>) => codeFault("image", { ...FIRST, ...part });
    expect([fault({}), fault({ port: "80" }), fault({ health: "/" })]).toEqual([false, false, false]);
    expect([fault({ port: "0" }), fault({ port: "8x" }), fault({ health: "up" }), fault({ command: `"` })]).toEqual([
      true,
      true,
      true,
      true,
    ]);
  });

  it("is a source without what was left empty", async () => {
    const source = (from: "git" | "image", code: Partial<typeof FIRST>) =>
      sourceOf(from, { ...FIRST, ...code }, "a", () => {});
    expect(await source("git", { url: " https://host/a ", path: "b" })).toEqual({
      git: { url: "https://host/a", ref: null, path: "b" },
    });
    expect(await source("image", { image: "a:1", command: " run  it " })).toEqual({
      image: { image: "a:1", command: ["run", "it"] },
    });
    expect(await source("image", { image: "a:1", command: "sh -c 'run it'" })).toEqual({
      image: { image: "a:1", command: ["sh", "-c", "run it"] },
    });
  });
});
