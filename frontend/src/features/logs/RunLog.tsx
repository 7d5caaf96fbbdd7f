// The log lines of one run.

import { Log } from "../../ui/log/log.tsx";
import { Failure } from "../../ui/states.tsx";
import { useLines } from "./useLines.ts";

export function RunLog({ run, height = "40vh" }: { run: string; height?: string }) {
  const { lines, version, dropped, error, waiting, again } = useLines({ run });
  if (error) return <Failure error={new Error(error)} again={again} title="The log could not be loaded" />;
  return (
    <Log
      lines={lines}
      version={version}
      dropped={dropped}
      height={height}
      name={`run-${run}`}
      label="Log of the run"
      empty={waiting ? "Loading …" : "Nothing was logged."}
    />
  );
}
