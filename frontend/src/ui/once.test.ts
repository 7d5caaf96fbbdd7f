import { expect, it, vi } from "vitest";
import { once } from "./once.ts";

it("acts on a click and on a key, and once on a double click", () => {
  const act = vi.fn();
  const click = once(act);
  click({ detail: 1 });
  click({ detail: 2 });
  click({ detail: 3 });
  expect(act).toHaveBeenCalledTimes(1);
  // Clicks by keyboard have no count.
  click({ detail: 0 });
  expect(act).toHaveBeenCalledTimes(2);
});
