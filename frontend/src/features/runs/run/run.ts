// One run, as its page asks for it.

import type { RunQuery } from "../../../graphql/generated.ts";

export type Run = NonNullable<RunQuery["run"]>;
