import { describe, expect, it } from "vitest";
import { verdict } from "./model.ts";

describe("what the server says of itself", () => {
  it("is calm only when all of it works", () => {
    const colours = ["ready", "degraded", "unavailable", "away", "something new"].map((status) => verdict({ status, reasons: [] }).colour);
    expect(colours).toEqual(["teal", "orange", "red", "red", "red"]);
  });
});
