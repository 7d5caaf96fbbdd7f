import { greet } from "./greet";

export const handler = async (event: { http: { query: Record<string, string> } }) => ({ greeting: greet(event.http.query.name) });
