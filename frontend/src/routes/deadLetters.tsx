import { useNavigate, useSearch } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { DeadLettersPage, type Search } from "../features/deadLetters/DeadLettersPage.tsx";

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
