// The sign-in methods of the server, and its refusals.

/** The offered methods. Unknown ones are ignored until there is a button for them. */
export interface Methods {
  password: boolean;
  /** Only with `--dev`. */
  dev: boolean;
  /** External identity providers. */
  others: readonly Other[];
}

export interface Other {
  name: string;
  label: string;
  href: string;
}

const OTHERS: Record<string, string> = { github: "GitHub", oidc: "single sign-on" };

/** Parses the answer of `/auth/methods`. */
export function methodsOf(answer: unknown): Methods {
  const listed = (answer as { methods?: unknown } | null)?.methods;
  const words = Array.isArray(listed) ? listed.filter((word): word is string => typeof word === "string") : [];
  return {
    password: words.includes("password"),
    dev: words.includes("dev_token"),
    others: words.flatMap((name) => {
      const label = Object.hasOwn(OTHERS, name) ? OTHERS[name] : undefined;
      return label ? [{ name, label: `Continue with ${label}`, href: `/auth/${name}/login` }] : [];
    }),
  };
}

/** Asks the server; fails if it is not available. A server that does not know the endpoint accepts passwords. */
export async function methods(signal?: AbortSignal): Promise<Methods> {
  const response = await fetch("/auth/methods", {
    credentials: "omit",
    headers: { accept: "application/json" },
    cache: "no-store",
    ...(signal ? { signal } : {}),
  });
  if (response.status >= 500) throw new Error(`the server answered ${response.status}`);
  return response.ok ? methodsOf(await response.json()) : { password: true, dev: false, others: [] };
}

/** Why sign-in was refused. `wait` is the number of seconds before another try makes sense. */
export interface Refusal {
  message: string;
  wait: number;
}

/** The message for a refusal. */
export function refused(status: number, message: string | undefined, retryAfter: string | null): Refusal {
  const wait = Math.min(Math.max(Math.ceil(Number(retryAfter ?? 0)) || 0, 0), 3_600);
  if (status === 401) return { message: "The user name or the password is wrong.", wait: 0 };
  if (status === 429) return { message: "Too many wrong passwords came from here.", wait: wait || 60 };
  if (status >= 500)
    return { message: `The server cannot look it up now (${status}). Try again in a moment.`, wait: 0 };
  return { message: message ?? `The server answered ${status}.`, wait: 0 };
}
