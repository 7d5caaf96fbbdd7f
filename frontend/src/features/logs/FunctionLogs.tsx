// Everything that a function writes, live, from its newest lines on.

import { useNavigate } from "@tanstack/react-router";
import { Log } from "../../ui/log/log.tsx";
import type { Looked } from "../../ui/log/looked.ts";
import { Failure, Waiting } from "../../ui/states.tsx";
import { useLines } from "./useLines.ts";

interface Props {
  id: string;
  looked: Looked;
  setLooked: (looked: Looked) => void;
}

export function FunctionLogs({ id, looked, setLooked }: Props) {
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
        looked={looked}
        onLooked={setLooked}
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
