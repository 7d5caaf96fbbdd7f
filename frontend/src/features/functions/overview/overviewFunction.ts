// The query for a function's overview.

import type { FunctionOverviewQuery } from "../../../graphql/generated.ts";

export type OverviewFunction = NonNullable<FunctionOverviewQuery["function"]>;
