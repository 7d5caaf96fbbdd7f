import { describe, expect, it } from "vitest";
import { nameFault, nameFrom } from "./name.ts";

describe("a function", () => {
  it("gets a name from its address", () => {
    expect(
      ["https://github.com/a/Thumbs.git", "git@host:a/my_fn", "/srv/repos/hello/", "app.tar.gz"].map(nameFrom),
    ).toEqual(["thumbs", "my-fn", "hello", "app"]);
  });

  it("has a name that fits into an address", () => {
    expect(["thumbs", "a", "a-b2", "x".repeat(63)].map(nameFault)).toEqual([null, null, null, null]);
    for (const bad of ["", "Thumbs", "2fast", "-a", "a-", "a_b", "a b", "x".repeat(64)]) {
      expect(nameFault(bad), bad).not.toBeNull();
    }
    expect(nameFrom("https://host/2024-Thumbs-.git")).toBe("thumbs");
  });
});
