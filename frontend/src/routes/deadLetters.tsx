import { useSearch } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { DeadLettersPage } from "../features/deadLetters/DeadLettersPage.tsx";

export default function Route(): ReactNode {
  const { after } = useSearch({ from: "/app/dead-letters" });
  return <DeadLettersPage after={after} />;
}
