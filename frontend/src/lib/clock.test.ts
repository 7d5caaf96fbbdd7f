import { afterEach, expect, it, vi } from "vitest";
import { aheadBy, learn, now } from "./clock.ts";

const at = (text: string) => Date.parse(text);

afterEach(() => {
  vi.useRealTimers();
  learn(new Date().toUTCString());
});

it("takes a clock that is right as it is", () => {
  expect(aheadBy("Sun, 01 Mar 2026 12:00:00 GMT", at("2026-03-01T12:00:01.900Z"))).toBe(0);
  expect([aheadBy(null, 0), aheadBy("yesterday", 0)]).toEqual([null, null]);
});

it("shows the server's time where the browser's clock is wrong, and does not tremble", () => {
  vi.useFakeTimers({ now: at("2026-03-01T10:00:00Z") });
  learn("Sun, 01 Mar 2026 12:00:00 GMT");
  const first = now();
  expect(Math.abs(first - at("2026-03-01T12:00:00Z"))).toBeLessThan(1_000);
  learn("Sun, 01 Mar 2026 12:00:01 GMT");
  expect(now()).toBe(first);
  learn(null);
  expect(now()).toBe(first);
  // Somebody corrects the clock.
  vi.setSystemTime(at("2026-03-01T12:00:00Z"));
  learn("Sun, 01 Mar 2026 12:00:00 GMT");
  expect(now()).toBe(at("2026-03-01T12:00:00Z"));
});
