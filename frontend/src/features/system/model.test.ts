import { describe, expect, it } from "vitest";
import { behind, verdict } from "./model.ts";

describe("what the server says of itself", () => {
  it("is calm only when all of it works", () => {
    const colours = ["ready", "degraded", "unavailable", "away", "something new"].map(
      (status) => verdict({ status, reasons: [] }).colour,
    );
    expect(colours).toEqual(["teal", "orange", "red", "red", "red"]);
  });

  it("is never less than nothing behind", () => {
    expect([behind({ logPosition: 9, relayPosition: 4 }), behind({ logPosition: 9, relayPosition: 12 })]).toEqual([
      5, 0,
    ]);
  });
});
