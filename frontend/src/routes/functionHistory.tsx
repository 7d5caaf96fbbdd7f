import { useNavigate, useParams, useSearch } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { FunctionHistory } from "../features/history/FunctionHistory.tsx";

export default function Route(): ReactNode {
  const { id } = useParams({ from: "/app/functions/$id" });
  const { at } = useSearch({ from: "/app/functions/$id/history" });
  const navigate = useNavigate();
  return (
    <FunctionHistory
      id={id}
      at={at}
      go={(to) =>
        void navigate({
          to: "/functions/$id/history",
          params: { id },
          search: to === undefined ? {} : { at: to },
          replace: true,
        })
      }
    />
  );
}
