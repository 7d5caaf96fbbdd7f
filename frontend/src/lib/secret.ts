// A secret that a function names and that is not set, in what the server says of it. The server speaks to whoever calls
// its API; who looks at a page sets a secret on a page.

const MISSING =
  /the secret `([^`]+)` of the namespace `([^`]+)` is not set(?:; set it with the GraphQL mutation setSecret\([^)]*\))?/;

/** The secret that is missing, when the message says that one is. */
export function missingSecret(message: string | null | undefined): { name: string; namespace: string } | null {
  const [, name, namespace] = message?.match(MISSING) ?? [];
  return name && namespace ? { name, namespace } : null;
}

/** The same without the way that is not a person's: `the secret API_KEY is not set`. */
export function withoutMutation(message: string): string {
  return message.replace(MISSING, "the secret $1 is not set");
}
