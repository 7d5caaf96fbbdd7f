// The live log of a function, beginning with its latest lines.

import { useNavigate } from "@tanstack/react-router";
import type { LogFilter } from "../../ui/log/filter.ts";
import { Log } from "../../ui/log/log.tsx";
import { Failure, Waiting } from "../../ui/states.tsx";
import { useLines } from "./useLines.ts";

interface Props {
  id: string;
  filter: LogFilter;
  setFilter: (filter: LogFilter) => void;
}

export function FunctionLogs({ id, filter, setFilter }: Props) {
  const navigate = useNavigate();
  const { lines, version, dropped, error, waiting, older, load, again } = useLines({ function: id });
  if (error && lines.length === 0) return <Failure error={new Error(error)} again={again} />;
  if (waiting) return <Waiting again={again} />;
  return (
    <>
      {error && <Failure error={new Error(error)} again={again} title="The log is not followed any more" />}
      <Log
        lines={lines}
        version={version}
        dropped={dropped}
        height="max(240px, calc(100vh - 320px))"
        filter={filter}
        onFilter={setFilter}
        older={older}
        onOlder={load}
        name={`function-${id}`}
        linkTo={(run) => `/runs/${run}`}
        onLink={(run) => void navigate({ to: "/runs/$id", params: { id: run } })}
        empty="No line yet. What the function prints stands here as it is written; call it to see some."
      />
    </>
  );
}
