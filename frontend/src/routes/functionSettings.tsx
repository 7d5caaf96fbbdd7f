import { useParams } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { Settings } from "../features/functions/Settings.tsx";

export default function Route(): ReactNode {
  const { id } = useParams({ from: "/app/functions/$id" });
  return <Settings id={id} />;
}
