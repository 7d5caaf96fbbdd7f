// The server's health report, in plain words.

export interface Readiness {
  status: string;
  reasons: string[];
}

export function verdict({ status }: Readiness): { colour: string; title: string; words: string } {
  switch (status) {
    case "asking":
      return { colour: "gray", title: "Asking …", words: "The server is asked how it is." };
    case "ready":
      return {
        colour: "teal",
        title: "All of it works",
        words: "Events are taken, runs are started, functions answer.",
      };
    case "degraded":
      return {
        colour: "orange",
        title: "A part is unavailable",
        words:
          "Everything is taken and kept. Runs that need the missing part wait, and go on by themselves when it returns.",
      };
    case "away":
      return {
        colour: "red",
        title: "The server does not answer",
        words: "It may be starting, stopped, or not reachable from here.",
      };
    default:
      return {
        colour: "red",
        title: "It cannot take anything now",
        words: "What is sent is refused with 503, so that senders try again. Nothing that was accepted is lost.",
      };
  }
}

/** The number of records that the relay has not processed yet; never negative. */
export function behind(server: { logPosition: number; relayPosition: number }): number {
  return Math.max(0, server.logPosition - server.relayPosition);
}

/** The state of a part of the server. */
export interface Part {
  name: string;
  how: "good" | "worth knowing" | "bad" | "not known";
  /** The server's name for it. */
  what: string;
  /** Its state, in plain words. */
  words: string;
  /** What to do; absent if there is nothing to do. */
  advice?: string;
}

/** The progress of the relay between two polls. */
export type Trend = "in step" | "catching up" | "falling behind" | "waiting";

/** The number of unprocessed records that is normal for a busy server. */
const ON_THEIR_WAY = 100;

/** Whether the relay keeps up, judging by its lag at the latest polls, oldest first. */
export function trendOf(lags: readonly number[]): Trend {
  const now = lags.at(-1) ?? 0;
  if (now === 0) return "in step";
  const before = lags.at(-2);
  if (before === undefined || now === before) return now <= ON_THEIR_WAY ? "in step" : "waiting";
  if (now < before) return "catching up";
  return now <= ON_THEIR_WAY ? "in step" : "falling behind";
}

interface Server {
  version: string;
  store: string;
  queue: string;
  executor: string;
  warnings: readonly string[];
}

interface Health {
  degraded: readonly string[];
  logPosition: number;
  relayPosition: number;
  nodes: readonly string[];
  leader: string | null;
}

export interface Seen {
  readiness: Readiness;
  server: Server;
  health: Health | undefined;
  lags: readonly number[];
  /** The duration of the latest answer, in milliseconds. */
  took: number | undefined;
  link: "idle" | "connecting" | "open" | "lost";
  /** How often the live connection was opened. */
  opened: number;
}

function storeAdvice(store: string): string {
  return /sqlite/i.test(store)
    ? "Is the disk of the data folder full, or the folder not writable? The server's own output says more."
    : "Is the database running, and does DATABASE_URL name it? It is retried automatically.";
}

function queueAdvice(queue: string): string {
  return /rabbit|amqp/i.test(queue)
    ? "Is RabbitMQ running, and does AMQP_URL name it? It is retried automatically; runs wait in the log meanwhile."
    : "The server's own output says more. Runs wait in the log meanwhile.";
}

/** Every part of the server, with what to do if something is wrong. */
export function partsOf({ readiness, server, health, lags, took, link, opened }: Seen): Part[] {
  const away = readiness.status === "away";
  const taking = readiness.status === "ready" || readiness.status === "degraded";
  const reasons = [...new Set([...readiness.reasons, ...(health?.degraded ?? [])])];
  const unsafe = server.warnings.length > 0;
  const lag = health ? behind(health) : undefined;
  const trend = trendOf(lags);
  const parts: Part[] = [];
  parts.push({
    name: "Server",
    what: `EventFlow ${server.version}`,
    ...(away
      ? {
          how: "bad",
          words: "It does not answer.",
          advice:
            "Is it running? Start it with `eventflow serve` and look at what it prints. This page reconnects automatically.",
        }
      : readiness.status === "asking"
        ? { how: "not known", words: "It is asked." }
        : {
            how: "good",
            words: took === undefined ? "It answers." : `It answers in ${Math.max(1, Math.round(took))} ms.`,
          }),
  });
  parts.push({
    name: "Log and tables",
    what: server.store,
    ...(away || readiness.status === "asking"
      ? { how: "not known", words: "Nobody answers." }
      : taking
        ? {
            how: "good",
            words: health
              ? `Takes what comes; ${health.logPosition.toLocaleString("en")} records so far.`
              : "Takes what comes.",
          }
        : {
            how: "bad",
            words: reasons.join(" ") || "It cannot be written to.",
            advice: storeAdvice(server.store),
          }),
  });
  parts.push({
    name: "Delivery",
    what: server.queue,
    ...(readiness.status === "degraded"
      ? { how: "bad", words: reasons.join(" ") || "It is unavailable.", advice: queueAdvice(server.queue) }
      : readiness.status === "ready"
        ? { how: "good", words: "Runs are handed to workers." }
        : { how: "not known", words: "Nobody says." }),
  });
  parts.push({
    name: "Relay",
    what: "from the log to what follows from it",
    ...(lag === undefined
      ? { how: "not known", words: "Nobody says." }
      : trend === "falling behind" || trend === "waiting"
        ? {
            how: "bad",
            words: `${lag.toLocaleString("en")} records wait, and it is ${trend === "waiting" ? "not moving" : "falling behind"}.`,
            advice:
              "Nothing is lost, but runs begin late. Is the database or the broker slow? The server's own output says more.",
          }
        : {
            how: "good",
            words:
              lag === 0
                ? "In step: nothing waits."
                : `${lag.toLocaleString("en")} ${lag === 1 ? "record is" : "records are"} on the way${trend === "catching up" ? "; it catches up" : ""}.`,
          }),
  });
  parts.push({
    name: "Functions run in",
    what: server.executor,
    ...(unsafe
      ? {
          how: "worth knowing",
          words: server.warnings.join(" "),
          advice: /NOT ISOLATED/.test(server.warnings.join(" "))
            ? "Install bubblewrap on the server's host and start it again, or run only functions that you trust."
            : "The words above say what to change; the server is started again then.",
        }
      : { how: "good", words: "Isolated from one another and from this server." }),
  });
  parts.push({
    name: "Servers",
    what: health ? `${health.nodes.length} alive` : "",
    ...(health
      ? health.leader === null
        ? {
            how: "worth knowing",
            words: "None of them leads now: schedules and sweeps wait.",
            advice: "One becomes the leader automatically within seconds. If none does, look at their output.",
          }
        : { how: "good", words: `${health.nodes.join(", ") || "none"}; ${health.leader} leads.` }
      : { how: "not known", words: "Nobody says." }),
  });
  const again = opened > 1 ? ` It was opened ${opened} times.` : "";
  parts.push({
    name: "This page's live connection",
    what: "WebSocket, graphql-transport-ws",
    ...(link === "open"
      ? { how: "good", words: `Open: what happens is shown at once.${again}` }
      : link === "lost"
        ? {
            how: "bad",
            words: `Lost; it reconnects automatically and continues where it was.${again}`,
            advice:
              "If it never comes back while the server answers, something between here and there drops WebSockets.",
          }
        : { how: "not known", words: link === "connecting" ? "Being opened." : "Not needed now." }),
  });
  return parts;
}
