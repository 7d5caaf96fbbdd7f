import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { Builds } from "../features/builds/Builds.tsx";

export default function Route(): ReactNode {
  const { id } = useParams({ from: "/app/functions/$id" });
  const { build } = useSearch({ from: "/app/functions/$id/builds" });
  const navigate = useNavigate();
  return (
    <Builds
      id={id}
      chosen={build}
      choose={(to) => void navigate({ to: "/functions/$id/builds", params: { id }, search: to ? { build: to } : {} })}
    />
  );
}
