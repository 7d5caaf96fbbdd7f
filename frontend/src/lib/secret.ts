// Finds the missing secret in a message of the server. Messages address callers of the API; a person looking at a page
// sets the secret on a page instead.

const MISSING =
  /the secret `([^`]+)` of the namespace `([^`]+)` is not set(?:; set it with the GraphQL mutation setSecret\([^)]*\))?/;

/** The missing secret, if the message is about one. */
export function missingSecret(message: string | null | undefined): { name: string; namespace: string } | null {
  const [, name, namespace] = message?.match(MISSING) ?? [];
  return name && namespace ? { name, namespace } : null;
}

/** The message without the advice for API callers: `the secret API_KEY is not set`. */
export function withoutMutation(message: string): string {
  return message.replace(MISSING, "the secret $1 is not set");
}
