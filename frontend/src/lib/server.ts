// What both pages ask of the server that served them. Knows URLs, not screens.

/** The bearer token that a server started with `--dev` accepts, and no other. */
export const DEV_TOKEN = "dev-token";

/**
 * Whether this server was started with `--dev`, found out by asking it: only such a server takes
 * the development token. Cookies stay out of the question, so that a session cannot answer it.
 */
export async function acceptsDevToken(): Promise<boolean> {
  try {
    const answer = await query<{ __typename: string }>("{ __typename }", DEV_TOKEN);
    return answer.__typename !== undefined;
  } catch {
    return false;
  }
}

/** Runs one GraphQL query with a bearer token; throws the server's own words when it refuses. */
export async function query<T>(document: string, token: string): Promise<T> {
  const response = await fetch("/graphql", {
    method: "POST",
    credentials: "omit",
    headers: {
      "content-type": "application/json",
      accept: "application/json",
      authorization: `Bearer ${token}`,
    },
    body: JSON.stringify({ query: document }),
  });
  const answer = (await response.json()) as {
    data?: T;
    errors?: { message: string }[];
    error?: { message: string };
  };
  const refusal = answer.errors?.[0]?.message ?? answer.error?.message;
  if (refusal !== undefined || answer.data === undefined) {
    throw new Error(refusal ?? `the server answered ${response.status} without data`);
  }
  return answer.data;
}
