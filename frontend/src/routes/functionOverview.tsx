import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { Overview } from "../features/functions/overview/Overview.tsx";

export default function Route(): ReactNode {
  const { id } = useParams({ from: "/app/functions/$id" });
  const { window = "HOUR" } = useSearch({ from: "/app/functions/$id/" });
  const navigate = useNavigate();
  return (
    <Overview
      id={id}
      window={window}
      setWindow={(to) => void navigate({ to: "/functions/$id", params: { id }, search: { window: to }, replace: true })}
    />
  );
}
