// The log lines of a run.

import { useEffect } from "react";
import { plain } from "../../../lib/ansi.ts";
import { levelOf } from "../../../lib/level.ts";
import { Log } from "../../../ui/log/log.tsx";
import { Failure } from "../../../ui/states.tsx";
import { useLines } from "../../logs/useLines.ts";
import { faultLines } from "../error.ts";
import { goesOn } from "../state.ts";
import type { Run } from "./run.ts";

/** In a component of its own: there may be thousands of lines a second, while the rest of the page does not change. */
export function WrittenLines({ run, setLastErrors }: { run: Run; setLastErrors: (text: string) => void }) {
  const { lines, version, dropped, error, waiting, again } = useLines({ run: run.id });
  const failed = run.error !== null;
  // biome-ignore lint/correctness/useExhaustiveDependencies: `version` says that the array has changed inside
  useEffect(() => {
    if (failed)
      setLastErrors(
        faultLines(lines, (line) => levelOf(line))
          .map((line) => plain(line.text))
          .join("\n"),
      );
  }, [failed, lines, version, setLastErrors]);
  if (error) return <Failure error={new Error(error)} again={again} title="The log could not be loaded" />;
  return (
    <Log
      lines={lines}
      version={version}
      dropped={dropped}
      height="320px"
      name={`run-${run.id}`}
      label="Log of the run"
      empty={waiting ? "Loading …" : goesOn(run.state) ? "Nothing yet." : "Nothing was logged."}
    />
  );
}
