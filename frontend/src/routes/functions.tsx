import { useSearch } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { FunctionsPage } from "../features/functions/list/FunctionsPage.tsx";

export default function Route(): ReactNode {
  return <FunctionsPage search={useSearch({ from: "/app/functions" })} />;
}
