import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { FunctionMetrics } from "../features/metrics/FunctionMetrics.tsx";

export default function Route(): ReactNode {
  const { id } = useParams({ from: "/app/functions/$id" });
  const { window = "HOUR" } = useSearch({ from: "/app/functions/$id/metrics" });
  const navigate = useNavigate();
  return (
    <FunctionMetrics
      id={id}
      window={window}
      setWindow={(to) =>
        void navigate({ to: "/functions/$id/metrics", params: { id }, search: { window: to }, replace: true })
      }
    />
  );
}
