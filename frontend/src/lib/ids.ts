// Validation of ids in addresses.

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Whether a text can be an id; the server is not queried about anything else. */
export function isId(text: string): boolean {
  return UUID.test(text);
}
