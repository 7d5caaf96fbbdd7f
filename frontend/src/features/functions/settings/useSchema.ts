// The schema of function.json, from the server.

import { useEffect, useState } from "react";
import type { Schema } from "../../../lib/schema.ts";

let request: Promise<Schema> | undefined;

async function fetched(): Promise<Schema> {
  const response = await fetch("/schemas/function.json", { credentials: "same-origin" });
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  return (await response.json()) as Schema;
}

/** The schema; undefined while it is loading, or if that failed: then only the server validates. */
export function useSchema(): Schema | undefined {
  const [schema, setSchema] = useState<Schema | undefined>(undefined);
  useEffect(() => {
    let gone = false;
    request ??= fetched();
    request.then(
      (known) => {
        if (!gone) setSchema(known);
      },
      () => {
        request = undefined;
      },
    );
    return () => {
      gone = true;
    };
  }, []);
  return schema;
}
