import { useNavigate, useSearch } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { DeadLettersPage } from "../features/deadLetters/DeadLettersPage.tsx";
import type { Search } from "../features/deadLetters/search.ts";

export default function Route(): ReactNode {
  const search = useSearch({ from: "/app/dead-letters" });
  const navigate = useNavigate();
  return (
    <DeadLettersPage
      search={search}
      set={(change) =>
        void navigate({ to: "/dead-letters", search: { ...search, ...change } as Search, resetScroll: false })
      }
    />
  );
}
