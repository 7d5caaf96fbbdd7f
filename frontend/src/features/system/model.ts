// What the server says of its health, in plain words.

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
        title: "A part of it is away",
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

/** How many records of the log still wait for what follows from them; never less than none. */
export function behind(server: { logPosition: number; relayPosition: number }): number {
  return Math.max(0, server.logPosition - server.relayPosition);
}
