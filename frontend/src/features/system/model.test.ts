import { describe, expect, it } from "vitest";
import { behind, partsOf, type Seen, trendOf, verdict } from "./model.ts";

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

describe("the relay", () => {
  it("is judged by where it goes, not by what is on its way", () => {
    const table: [number[], string][] = [
      [[], "in step"],
      [[5, 0], "in step"],
      [[0, 12], "in step"],
      [[900, 300], "catching up"],
      [[300, 900], "falling behind"],
      [[900, 900], "waiting"],
      [[900], "waiting"],
    ];
    for (const [lags, trend] of table) expect([lags, trendOf(lags)]).toEqual([lags, trend]);
  });
});

describe("the parts of the server", () => {
  const well: Seen = {
    readiness: { status: "ready", reasons: [] },
    server: { version: "1", store: "SQLite at x", queue: "in process", executor: "sandbox", warnings: [] },
    health: { degraded: [], logPosition: 9, relayPosition: 9, nodes: ["a"], leader: "a" },
    lags: [0],
    took: 4,
    link: "open",
    opened: 1,
  };
  const part = (seen: Seen, name: string) => partsOf(seen).find((one) => one.name === name);

  it("are all good when all is well, and nothing is to be done", () => {
    expect(partsOf(well).map(({ how, advice }) => [how, advice])).toEqual(Array(7).fill(["good", undefined]));
  });

  it("say what to do where something is wrong", () => {
    const rabbit = { ...well.server, queue: "RabbitMQ at amqp://x" };
    const away: Seen = { ...well, server: rabbit, readiness: { status: "degraded", reasons: ["broker away"] } };
    expect(part(away, "Delivery")).toMatchObject({ how: "bad", words: "broker away" });
    expect(part(away, "Delivery")?.advice).toContain("AMQP_URL");
    expect(part(away, "Log and tables")?.how).toBe("good");
    const full: Seen = { ...well, readiness: { status: "unavailable", reasons: ["disk full"] } };
    expect(part(full, "Log and tables")).toMatchObject({ how: "bad", words: "disk full" });
    expect(part(full, "Log and tables")?.advice).toContain("disk");
    expect(part({ ...well, link: "lost", opened: 3 }, "This page's live connection")?.words).toContain("3 times");
    const open = { ...well.server, warnings: ["FUNCTIONS ARE NOT ISOLATED"] };
    expect(part({ ...well, server: open }, "Functions run in")?.advice).toContain("bubblewrap");
  });

  it("that no answer contains are not known", () => {
    const gone: Seen = { ...well, readiness: { status: "away", reasons: [] }, health: undefined, link: "lost" };
    expect(
      partsOf(gone)
        .filter(({ how }) => how === "good")
        .map(({ name }) => name),
    ).toEqual(["Functions run in"]);
    expect(part(gone, "Server")?.how).toBe("bad");
  });
});
