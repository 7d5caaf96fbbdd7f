// The names of container images.

/** An image's name without its tag and digest: `registry.example/team/app`. */
function nameOf(reference: string): string {
  const name = reference.split("@")[0] ?? "";
  // A colon before the last slash belongs to a port.
  const colon = name.indexOf(":", name.lastIndexOf("/") + 1);
  return colon === -1 ? name : name.slice(0, colon);
}

/** The name that always stands for the same image: `registry.example/team/app@sha256:…`. */
export function pinned(reference: string, digest: string): string {
  return `${nameOf(reference)}@${digest}`;
}

/** The registry that an image comes from, with its port; Docker's own if the name has no host. */
export function registryOf(reference: string): string {
  const [first = "", ...rest] = reference.trim().split("@")[0]?.split("/") ?? [];
  const isHost = rest.length > 0 && (/[.:]/.test(first) || first === "localhost");
  return isHost ? first.toLowerCase() : "docker.io";
}

/** The secret of a namespace that has the login for an image's registry. */
export function loginSecret(reference: string): string {
  return `registry-${registryOf(reference)}`;
}

/** The words of a command, of which quotes hold some together, as in a shell; null if a quote is not closed. */
export function wordsOf(command: string): string[] | null {
  const words: string[] = [];
  let word: string | undefined;
  let quote: string | undefined;
  for (let at = 0; at < command.length; at++) {
    const sign = command[at] as string;
    if (sign === quote) quote = undefined;
    else if (quote === "'" || (quote === '"' && sign !== "\\")) word = (word ?? "") + sign;
    else if (sign === "\\" && at + 1 < command.length) word = (word ?? "") + command[++at];
    else if (quote === undefined && (sign === "'" || sign === '"')) {
      quote = sign;
      word ??= "";
    } else if (quote === undefined && /\s/.test(sign)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? "") + sign;
  }
  if (word !== undefined) words.push(word);
  return quote === undefined ? words : null;
}

/** A command as {@link wordsOf} reads it. */
export function commandOf(words: readonly string[]): string {
  return words.map((word) => (/^[^\s'"\\]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`)).join(" ");
}
