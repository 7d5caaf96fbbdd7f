import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { Settings } from "../features/functions/settings/Settings.tsx";

export default function Route(): ReactNode {
  const { id } = useParams({ from: "/app/functions/$id" });
  const { part = "triggers" } = useSearch({ from: "/app/functions/$id/settings" });
  const navigate = useNavigate();
  return (
    <Settings
      key={id}
      id={id}
      part={part}
      go={(to) =>
        void navigate({ to: "/functions/$id/settings", params: { id }, search: { part: to }, resetScroll: false })
      }
    />
  );
}
