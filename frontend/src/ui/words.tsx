// A sentence of the server, whose names stand between backticks.

import { Code } from "@mantine/core";

/** The sentence with its names as code. */
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
