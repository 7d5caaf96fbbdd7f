import { expect, it, vi } from "vitest";
import { DRAFT, onNewOwner, setOwner } from "./tabOwner.ts";

class FakeStorage extends Map<string, string> {
  get length() {
    return this.size;
  }
  key = (index: number) => [...this.keys()][index] ?? null;
  getItem = (name: string) => this.get(name) ?? null;
  setItem = (name: string, value: string) => void this.set(name, value);
  removeItem = (name: string) => void this.delete(name);
}

it("is forgotten when somebody else comes, and kept for who comes back", () => {
  const storage = new FakeStorage();
  const forgotten = vi.fn();
  onNewOwner(forgotten);
  const here = (name: string) => setOwner(name, () => storage as unknown as Storage);
  here("ada");
  storage.setItem(`${DRAFT}f`, "a payload");
  storage.setItem(`${DRAFT}g`, "another");
  storage.setItem("colours", "dark");
  here("ada");
  expect([forgotten.mock.calls.length, storage.has(`${DRAFT}f`)]).toEqual([0, true]);
  here("bob");
  expect(forgotten).toHaveBeenCalledTimes(1);
  expect([...storage.keys()].filter((key) => key.startsWith(DRAFT))).toEqual([]);
  expect(storage.get("colours")).toBe("dark");
});

it("is forgotten also where the browser keeps nothing", () => {
  const forgotten = vi.fn();
  onNewOwner(forgotten);
  const here = (name: string) =>
    setOwner(name, () => {
      throw new Error("denied");
    });
  here("eve");
  here("dan");
  expect(forgotten).toHaveBeenCalledTimes(2);
});
