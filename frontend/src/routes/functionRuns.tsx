import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { RunsList } from "../features/runs/list/RunsList.tsx";
import type { Search } from "../features/runs/list/search.ts";

export default function Route(): ReactNode {
  const { id } = useParams({ from: "/app/functions/$id" });
  const search = useSearch({ from: "/app/functions/$id/runs" });
  const navigate = useNavigate();
  return (
    <RunsList
      of={id}
      search={search}
      set={(change) =>
        void navigate({
          to: "/functions/$id/runs",
          params: { id },
          search: { ...search, ...change } as Search,
          resetScroll: false,
        })
      }
    />
  );
}
