import { useParams } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { Versions } from "../features/functions/Versions.tsx";

export default function Route(): ReactNode {
  const { id } = useParams({ from: "/app/functions/$id" });
  return <Versions id={id} />;
}
