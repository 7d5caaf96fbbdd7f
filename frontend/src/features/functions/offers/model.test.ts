import { describe, expect, it } from "vitest";
import {
  because,
  type Offered,
  refOf,
  registration,
  rowsOf,
  type Source,
  stillThere,
  together,
  update,
} from "./model.ts";

const offer = (path: string, suggestedName: string | null = path.split("/").at(-1) ?? null): Offered => ({
  path,
  recognizedAs: "a handler in index.js",
  suggestedName,
  function: null,
});
const OFFERED = [offer("functions/a"), offer("functions/b"), offer("functions/c")];
const SOURCE: Source = { type: "git", url: "https://example.com/many", ref: "main", path: null };
const OF = {
  id: "f",
  namespace: "team",
  source: { ...SOURCE, ref: null, digest: null, image: null },
};

describe("offered folders", () => {
  it("are all ticked, with the names that were suggested", () => {
    const rows = rowsOf(OFFERED, {});
    expect(rows.map(({ name, ticked, registers }) => [name, ticked, registers])).toEqual([
      ["a", true, true],
      ["b", true, true],
      ["c", true, true],
    ]);
    expect(together(rows)).toMatchObject({ label: "Register all 3", possible: true });
  });

  it("are registered as they were chosen", () => {
    const rows = rowsOf(OFFERED, {
      "functions/a": { ticked: true, name: "alpha" },
      "functions/b": { ticked: false },
      "functions/c": { ticked: true, made: { id: "c", name: "c" } },
    });
    const { rows: wanted, label, possible } = together(rows);
    expect([wanted.map(({ name }) => name), label, possible]).toEqual([["alpha"], "Register 1 selected", true]);
    expect(rows[2]).toMatchObject({ registers: false, fault: null });
    const none = rowsOf(OFFERED.slice(0, 1), { "functions/a": { ticked: false } });
    expect(together(none).possible).toBe(false);
  });

  it("need a name each that can be one, and not the same twice", () => {
    const rows = rowsOf([...OFFERED, offer("functions/d", null)], {
      "functions/a": { ticked: true, name: "b" },
      "functions/c": { ticked: true, name: "No Name" },
    });
    expect(rows.map(({ fault }) => fault)).toEqual([
      "Another folder has this name.",
      "Another folder has this name.",
      "It begins with a lower-case letter.",
      "A function needs a name.",
    ]);
    expect(together(rows).possible).toBe(false);
    // A folder that is not selected does not conflict with others.
    const apart = rowsOf(OFFERED, { "functions/a": { ticked: false, name: "b" } });
    expect(apart.map(({ registers }) => registers)).toEqual([true, true, true]);
  });

  it("are functions already where somebody has registered them", () => {
    const [first, ...rest] = OFFERED;
    const there = { ...(first as Offered), function: { id: "a", name: "alpha" } };
    const rows = rowsOf([there, ...rest], {});
    expect(rows[0]).toMatchObject({ made: { id: "a", name: "alpha" }, registers: false, fault: null });
    expect(together(rows)).toMatchObject({ label: "Register all 2", possible: true });
  });

  it("say why one was refused until its name is another", () => {
    const refused = { ticked: true, name: "taken", refused: "There is another function of this name." };
    const [row] = rowsOf(OFFERED, { "functions/a": refused });
    expect(row).toMatchObject({ fault: refused.refused, registers: true });
    expect(because([{ message: "One." }, { message: "Two." }])).toBe("One. Two.");
  });

  it("become functions of the same repository, with the same credentials", () => {
    expect(registration(OF, SOURCE, { path: "functions/a", name: "a" })).toEqual({
      namespace: "team",
      name: "a",
      source: { git: { url: SOURCE.url, ref: "main", path: "functions/a" } },
      credentialsOf: "f",
    });
  });

  it("can be the function's own, which keeps its ref and is built as it was", () => {
    expect(update(OF, "functions/a")).toEqual({
      id: "f",
      source: { git: { url: SOURCE.url, ref: null, path: "functions/a" } },
    });
    expect(refOf(OF, SOURCE)).toBe("main");
    expect(refOf({ source: { ...OF.source, ref: "main" } }, SOURCE)).toBeNull();
  });

  it("are of the repository that was built, which the function may have left", () => {
    expect(stillThere(OF, SOURCE)).toBe(true);
    expect(stillThere({ source: { ...OF.source, url: "https://example.com/other" } }, SOURCE)).toBe(false);
    expect(stillThere({ source: { ...OF.source, type: "bundle" } }, SOURCE)).toBe(false);
  });
});
