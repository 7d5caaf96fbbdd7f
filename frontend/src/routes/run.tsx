import { useParams } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { RunPage } from "../features/runs/run/RunPage.tsx";

export default function Route(): ReactNode {
  const { id } = useParams({ from: "/app/runs/$id" });
  return <RunPage key={id} id={id} />;
}
