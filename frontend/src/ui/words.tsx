// A message of the server, with the names between backticks as code.

import { Code } from "@mantine/core";

/** Renders the message with its names as code. */
export function Words({ text }: { text: string }) {
  return text.split("`").map((part, index) =>
    index % 2 === 1 ? (
      // biome-ignore lint/suspicious/noArrayIndexKey: the parts have no other name than their place
      <Code key={index}>{part}</Code>
    ) : (
      part
    ),
  );
}
