import { expect, it, vi } from "vitest";
import { DRAFT, forgets, isHere } from "./mine.ts";

class Kept extends Map<string, string> {
  get length() {
    return this.size;
  }
  key = (index: number) => [...this.keys()][index] ?? null;
  getItem = (name: string) => this.get(name) ?? null;
  setItem = (name: string, value: string) => void this.set(name, value);
  removeItem = (name: string) => void this.delete(name);
}

it("is forgotten when somebody else comes, and kept for who comes back", () => {
  const kept = new Kept();
  const forgotten = vi.fn();
  forgets(forgotten);
  const here = (name: string) => isHere(name, () => kept as unknown as Storage);
  here("ada");
  kept.setItem(`${DRAFT}f`, "a payload");
  kept.setItem(`${DRAFT}g`, "another");
  kept.setItem("colours", "dark");
  here("ada");
  expect([forgotten.mock.calls.length, kept.has(`${DRAFT}f`)]).toEqual([0, true]);
  here("bob");
  expect(forgotten).toHaveBeenCalledTimes(1);
  expect([...kept.keys()].filter((key) => key.startsWith(DRAFT))).toEqual([]);
  expect(kept.get("colours")).toBe("dark");
});

it("is forgotten also where the browser keeps nothing", () => {
  const forgotten = vi.fn();
  forgets(forgotten);
  const here = (name: string) =>
    isHere(name, () => {
      throw new Error("denied");
    });
  here("eve");
  here("dan");
  expect(forgotten).toHaveBeenCalledTimes(2);
});
