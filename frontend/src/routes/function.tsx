import { useParams } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { FunctionFrame } from "../features/functions/FunctionFrame.tsx";

export default function Route(): ReactNode {
  const { id } = useParams({ from: "/app/functions/$id" });
  return <FunctionFrame key={id} id={id} />;
}
