import { useNavigate, useSearch } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { RunsList } from "../features/runs/list/RunsList.tsx";
import type { Search } from "../features/runs/list/search.ts";
import { Page } from "../ui/page.tsx";

export default function Route(): ReactNode {
  const search = useSearch({ from: "/app/runs" });
  const navigate = useNavigate();
  return (
    <Page title="Runs">
      <RunsList
        search={search}
        set={(change) => void navigate({ to: "/runs", search: { ...search, ...change } as Search, resetScroll: false })}
      />
    </Page>
  );
}
