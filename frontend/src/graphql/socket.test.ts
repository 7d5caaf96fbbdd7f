import { describe, expect, it } from "vitest";
import { positionOf } from "./socket.ts";

describe("the position of a result", () => {
  it("is found in its one field, whatever that is called", () => {
    expect(positionOf({ runChanged: { position: 7, run: { position: 9 } } })).toBe(7);
    expect(positionOf({ logs: { position: 0, text: "" } })).toBe(0);
  });

  it("is none when there is none", () => {
    expect(positionOf(null)).toBeUndefined();
    expect(positionOf({ runChanged: null })).toBeUndefined();
    expect(positionOf({ runChanged: { position: "7" } })).toBeUndefined();
  });
});
