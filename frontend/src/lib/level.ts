// Detects the level of a log line from its text.

import { plain } from "./ansi.ts";

/** From most to least severe; `system` denotes EventFlow's own lines. */
export type Level = "error" | "warn" | "info" | "debug" | "system";

/** What is known of a line. */
interface Line {
  stream: "STDOUT" | "STDERR" | "SYSTEM";
  text: string;
}

/** The beginning of a line, which contains the level if there is one. */
const HEAD = 160;

const WORDS: Record<string, Level> = {
  trace: "debug",
  verbose: "debug",
  debug: "debug",
  dbg: "debug",
  info: "info",
  inf: "info",
  log: "info",
  notice: "info",
  warn: "warn",
  wrn: "warn",
  warning: "warn",
  err: "error",
  error: "error",
  severe: "error",
  fatal: "error",
  crit: "error",
  critical: "error",
  alert: "error",
  emerg: "error",
  panic: "error",
};

/** The members that contain the level in the JSON of common logging libraries. */
const MEMBERS = ["level", "severity", "lvl", "log.level", "loglevel", "levelname"];

const NAMES =
  "TRACE|VERBOSE|DEBUG|DBG|INFO|INF|NOTICE|WARNING|WARN|WRN|ERROR|ERR|SEVERE|FATAL|CRITICAL|CRIT|PANIC|EMERG";
/** A time, and up to two words in brackets (thread, process), may precede the level. */
const BEFORE = "^\\s*(?:[[(]?\\d[\\d\\-:.,/TZ+ ]*[\\])]?\\s*[|-]?\\s*)?(?:\\[[^\\]]{0,40}\\]\\s*){0,2}";
const LOUD = new RegExp(`${BEFORE}[[(<|]?\\s*(${NAMES})(?=[\\])>|:!\\s]|$)`);
/** Lower-case words count as a level only where nothing else can be. */
const QUIET = new RegExp(`${BEFORE}(?:[[(<](${NAMES})[\\])>]|(${NAMES}):)`, "i");
const LOGFMT = /(?:^|\s)(?:level|lvl|severity)=["']?([A-Za-z]+)/;
const NPM = /^npm (warn|err!|error)/i;
/** The format of Go's glog and Kubernetes: `E0312 10:11:12.123`. */
const GLOG = /^([IWEF])\d{4} \d\d:/;
const THROWN = /^(?:Uncaught |Unhandled )?(?:Traceback \(most recent|(?:[a-z_]\w*\.)*[A-Z]\w*(?:Error|Exception)\b)/;

function ofNumber(level: number): Level | undefined {
  if (level >= 50) return "error";
  if (level >= 40) return "warn";
  if (level >= 30) return "info";
  return level >= 10 ? "debug" : undefined;
}

function ofJson(text: string): Level | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  for (const name of MEMBERS) {
    const level = (value as Record<string, unknown>)[name];
    if (typeof level === "string") return WORDS[level.toLowerCase()];
    if (typeof level === "number") return ofNumber(level);
  }
  return undefined;
}

/**
 * The level of a line. One that does not say is `info`, and on standard error what `stderr` says: a function writes its
 * stack there, a build tool its progress.
 */
export function levelOf(line: Line, stderr: Level = "error"): Level {
  if (line.stream === "SYSTEM") return "system";
  const text = plain(line.text).trimStart();
  const json = text.startsWith("{") ? ofJson(text) : undefined;
  if (json) return json;
  const head = text.slice(0, HEAD);
  const word =
    LOUD.exec(head)?.[1] ??
    QUIET.exec(head)?.slice(1).find(Boolean) ??
    LOGFMT.exec(head)?.[1] ??
    NPM.exec(head)?.[1]?.replace("!", "");
  const named = word === undefined ? undefined : WORDS[word.toLowerCase()];
  if (named) return named;
  const glog = GLOG.exec(head)?.[1];
  if (glog) return glog === "I" ? "info" : glog === "W" ? "warn" : "error";
  if (THROWN.test(head)) return "error";
  return line.stream === "STDERR" ? stderr : "info";
}

/** A filter by level: all, or from one level up. EventFlow's own lines count as `info`. */
export type Least = "all" | "info" | "warn" | "error" | "system";

const WEIGHT: Record<Level, number> = { debug: 0, info: 1, system: 1, warn: 2, error: 3 };

export function reaches(level: Level, least: Least): boolean {
  if (least === "all") return true;
  if (least === "system") return level === "system";
  return WEIGHT[level] >= WEIGHT[least];
}
