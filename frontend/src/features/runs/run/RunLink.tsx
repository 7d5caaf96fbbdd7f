// A link to a run, labeled with the beginning of its id.

import { Anchor } from "@mantine/core";
import { Link } from "@tanstack/react-router";
import { short } from "../../../lib/time.ts";

/** `plainly`: in the color of the text, where links would have too little contrast. */
export function RunLink({ id, plainly = false }: { id: string; plainly?: boolean }) {
  return (
    <Anchor
      component={Link}
      to={`/runs/${id}`}
      className="mono"
      {...(plainly ? { c: "inherit", underline: "always" as const } : {})}
    >
      {short(id, 13)}
    </Anchor>
  );
}
