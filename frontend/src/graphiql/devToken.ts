// Detects a server for trying out, so that GraphiQL may fill in its token.

/** The only bearer token accepted by a server started with `--dev`. */
export const DEV_TOKEN = "dev-token";

/**
 * Whether this server was started with `--dev`, found out by asking it: only such a server takes
 * the development token. Cookies stay out of the question, so that a session cannot answer it.
 */
export async function acceptsDevToken(): Promise<boolean> {
  try {
    const response = await fetch("/graphql", {
      method: "POST",
      credentials: "omit",
      headers: {
        "content-type": "application/json",
        accept: "application/json",
        authorization: `Bearer ${DEV_TOKEN}`,
      },
      body: JSON.stringify({ query: "{ __typename }" }),
    });
    const { data } = (await response.json()) as { data?: { __typename?: string } | null };
    return data?.__typename !== undefined;
  } catch {
    return false;
  }
}
