// Everything that a function writes, live.

import { Text } from "@mantine/core";
import { useNavigate } from "@tanstack/react-router";
import { Log } from "../../ui/log.tsx";
import { useLines } from "./useLines.ts";

export function FunctionLogs({
  id,
  search,
  setSearch,
}: {
  id: string;
  search: string;
  setSearch: (search: string) => void;
}) {
  const navigate = useNavigate();
  const { lines, version, dropped, error } = useLines({ function: id });
  if (error)
    return (
      <Text size="sm" c="red">
        {error}
      </Text>
    );
  return (
    <Log
      lines={lines}
      version={version}
      dropped={dropped}
      height="calc(100vh - 280px)"
      search={search}
      onSearch={setSearch}
      linkTo={(run) => `/runs/${run}`}
      onLink={(run) => void navigate({ to: "/runs/$id", params: { id: run } })}
      empty="No line yet. What the function prints stands here as it is written; call it to see some."
    />
  );
}
