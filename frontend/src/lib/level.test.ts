import { describe, expect, it } from "vitest";
import { type Level, levelOf, reaches } from "./level.ts";

const of = (text: string, stream: "STDOUT" | "STDERR" | "SYSTEM" = "STDOUT") => levelOf({ text, stream });

describe("the level of a line", () => {
  const table: [string, Level][] = [
    ['{"level":"warn","msg":"x"}', "warn"],
    ['{"level":50,"msg":"pino"}', "error"],
    ['{"level":20}', "debug"],
    ['{"severity":"CRITICAL"}', "error"],
    ['{"msg":"no level, but ERROR inside"}', "info"],
    ['{"level":"error", cut', "info"],
    ["ERROR: disk full", "error"],
    ["ERROR:root:python", "error"],
    ["[WARN] careful", "warn"],
    ["[warning] careful", "warn"],
    ["warn: careful", "warn"],
    ["error handling is done", "info"],
    ["information for all", "info"],
    ["ERRORS 0", "info"],
    ["INFO  started", "info"],
    ["DEBUG x=1", "debug"],
    ["2026-01-01T10:00:00.123Z ERROR server: gone", "error"],
    ["2026-01-01 10:00:00,123 [main] WARN com.example - slow", "warn"],
    ["[2026-01-01 10:00:00 +0000] [7] [INFO] Booting", "info"],
    ["time=12:00 level=error msg=x", "error"],
    ["npm ERR! missing", "error"],
    ["npm warn deprecated", "warn"],
    ["E0312 10:11:12.123 1 x.go:1] boom", "error"],
    ["TypeError: x is not a function", "error"],
    ["ValueError: nope", "error"],
    ["\u001b[33mWARN\u001b[0m coloured", "warn"],
    ["hello", "info"],
    ["", "info"],
  ];
  it.each(table)("%s is %s", (text, level) => expect(of(text)).toBe(level));

  it("that does not say is grave on standard error, or what the reader takes it for", () => {
    expect(of("    at handler (index.js:3:9)", "STDERR")).toBe("error");
    expect(of("INFO: python logs here", "STDERR")).toBe("info");
    expect(levelOf({ text: "Receiving objects", stream: "STDERR" }, "info")).toBe("info");
  });

  it("of EventFlow's own word is system, whatever it says", () => {
    expect(of("ERROR", "SYSTEM")).toBe("system");
  });

  it("does not take long for a line that was made to take long", () => {
    const begun = performance.now();
    of(`${"1-".repeat(8000)}[`.padEnd(16_000, "["));
    of(`{${'"a":{'.repeat(3000)}`);
    expect(performance.now() - begun).toBeLessThan(200);
  });
});

describe("the least level", () => {
  it("lets through what is as grave", () => {
    const levels: Level[] = ["error", "warn", "info", "debug", "system"];
    const kept = (least: Parameters<typeof reaches>[1]) => levels.filter((level) => reaches(level, least)).join(" ");
    expect(kept("all")).toBe("error warn info debug system");
    expect(kept("info")).toBe("error warn info system");
    expect(kept("warn")).toBe("error warn");
    expect(kept("error")).toBe("error");
    expect(kept("system")).toBe("system");
  });
});
