import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { FunctionLogs } from "../features/runs/FunctionLogs.tsx";

export default function Route(): ReactNode {
  const { id } = useParams({ from: "/app/functions/$id" });
  const { q = "" } = useSearch({ from: "/app/functions/$id/logs" });
  const navigate = useNavigate();
  return (
    <FunctionLogs
      key={id}
      id={id}
      search={q}
      setSearch={(to) =>
        void navigate({ to: "/functions/$id/logs", params: { id }, search: to ? { q: to } : {}, replace: true })
      }
    />
  );
}
