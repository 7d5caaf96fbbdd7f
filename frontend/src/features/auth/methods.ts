// What the server offers to sign in with, and what it says when it refuses.

/** What a server offers; unknown words are left out until somebody draws their button. */
export interface Methods {
  password: boolean;
  /** Only with `--dev`. */
  dev: boolean;
  /** Other sites that vouch for a person. */
  others: readonly Other[];
}

export interface Other {
  name: string;
  label: string;
  href: string;
}

const OTHERS: Record<string, string> = { github: "GitHub", oidc: "single sign-on" };

/** Reads the answer of `/auth/methods`. */
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

/** Asks the server; fails when it is away. One that does not know the question takes passwords. */
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

/** Why somebody is not let in. `wait` is how many seconds it makes no sense to try again. */
export interface Refusal {
  message: string;
  wait: number;
}

/** Puts a refusal into words. */
export function refused(status: number, message: string | undefined, retryAfter: string | null): Refusal {
  const wait = Math.min(Math.max(Math.ceil(Number(retryAfter ?? 0)) || 0, 0), 3_600);
  if (status === 401) return { message: "The user name or the password is wrong.", wait: 0 };
  if (status === 429) return { message: "Too many wrong passwords came from here.", wait: wait || 60 };
  if (status >= 500)
    return { message: `The server cannot look it up now (${status}). Try again in a moment.`, wait: 0 };
  return { message: message ?? `The server answered ${status}.`, wait: 0 };
}
