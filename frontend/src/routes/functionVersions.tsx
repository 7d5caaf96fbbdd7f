import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { Versions } from "../features/functions/versions/Versions.tsx";

export default function Route(): ReactNode {
  const { id } = useParams({ from: "/app/functions/$id" });
  const search = useSearch({ from: "/app/functions/$id/versions" });
  const navigate = useNavigate();
  return (
    <Versions
      id={id}
      search={search}
      go={(to) => void navigate({ to: "/functions/$id/versions", params: { id }, search: to, resetScroll: false })}
    />
  );
}
