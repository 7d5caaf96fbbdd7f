import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { FunctionLogs } from "../features/logs/FunctionLogs.tsx";
import { NO_FILTER } from "../ui/log/filter.ts";

export default function Route(): ReactNode {
  const { id } = useParams({ from: "/app/functions/$id" });
  const {
    q = "",
    level = NO_FILTER.least,
    stream = NO_FILTER.stream,
    only,
    case: cased,
  } = useSearch({
    from: "/app/functions/$id/logs",
  });
  const navigate = useNavigate();
  return (
    <FunctionLogs
      key={id}
      id={id}
      filter={{ q, least: level, stream, only: only === "yes", cased: cased === "yes" }}
      setFilter={(to) =>
        void navigate({
          to: "/functions/$id/logs",
          params: { id },
          search: {
            ...(to.q ? { q: to.q } : {}),
            ...(to.least === "all" ? {} : { level: to.least }),
            ...(to.stream === "all" ? {} : { stream: to.stream }),
            ...(to.only ? { only: "yes" as const } : {}),
            ...(to.cased ? { case: "yes" as const } : {}),
          },
          replace: true,
          resetScroll: false,
        })
      }
    />
  );
}
