// A function as its overview asks for it.

import type { FunctionOverviewQuery } from "../../../graphql/generated.ts";

export type OverviewFunction = NonNullable<FunctionOverviewQuery["function"]>;
