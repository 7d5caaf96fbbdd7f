import { useParams } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { Invoke } from "../features/functions/invoke/Invoke.tsx";

export default function Route(): ReactNode {
  const { id } = useParams({ from: "/app/functions/$id" });
  return <Invoke key={id} id={id} />;
}
