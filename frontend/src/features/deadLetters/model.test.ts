import { describe, expect, it } from "vitest";
import { byFunction, consequence, counted, each, stillThere } from "./model.ts";

const letter = (id: string, name: string, namespace = "default") => ({
  id,
  error: null,
  function: { id: namespace + name, name, namespace },
});
const letters = [letter("1", "mailer"), letter("2", "thumbs"), letter("3", "thumbs")];

describe("dead letters", () => {
  it("that were chosen and are gone are not decided on", () => {
    expect(stillThere(letters, new Set(["3", "9"])).map(({ id }) => id)).toEqual(["3"]);
  });

  it("are counted by their function", () => {
    expect(byFunction(letters)).toBe("thumbs (2), mailer (1)");
    expect(byFunction([...letters, letter("4", "mailer", "shop")])).toBe("thumbs (2), mailer (1), shop/mailer (1)");
    expect([counted(1), counted(1200)]).toEqual(["1 dead letter", "1,200 dead letters"]);
  });

  it("are called too many for once only when they are", () => {
    expect(consequence("redrive", 1000).join(" ")).not.toContain("At most");
    expect(consequence("purge", 1001).join(" ")).toContain("At most 1,000");
    expect(consequence("redrive", 1)).not.toEqual(consequence("purge", 1));
  });
});

describe("doing something to each", () => {
  it("does it to all, few at a time, and keeps the order", async () => {
    let now = 0;
    let most = 0;
    const progress: number[] = [];
    const results = await each(
      Array.from({ length: 11 }, (_, index) => index),
      async (one) => {
        most = Math.max(most, ++now);
        await Promise.resolve();
        now--;
        return one * 2;
      },
      (done) => progress.push(done),
    );
    expect(results).toEqual([0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20]);
    expect(most).toBe(4);
    expect(progress.at(-1)).toBe(11);
    expect(await each([], async () => 1)).toEqual([]);
  });
});
