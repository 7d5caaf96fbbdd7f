// The query of a run's page.

import type { RunQuery } from "../../../graphql/generated.ts";

export type Run = NonNullable<RunQuery["run"]>;
