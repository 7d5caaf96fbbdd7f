// What may stand in an address for one function, run or event.

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** Whether a text can be somebody's id at all: the server is not asked about anything else. */
export function isId(text: string): boolean {
  return UUID.test(text);
}
