// The durations of a build's phases, updated while it runs.

import { useMemo } from "react";
import type { BuildRowFragment } from "../../graphql/generated.ts";
import { Bars } from "../../ui/bars.tsx";
import { useNow } from "../../ui/now.ts";
import { stateColour } from "../../ui/status.tsx";
import { phasesOf } from "./model.ts";

export function Phases({
  build,
  lines,
  version,
}: {
  build: BuildRowFragment;
  lines: Parameters<typeof phasesOf>[1];
  version: number;
}) {
  const open = build.finishedAt === null;
  const now = useNow(open);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `version` says that the array has changed inside
  const phases = useMemo(() => phasesOf(build, lines, now), [build, lines, version, now]);
  return (
    <Bars
      label="Parts of the build"
      bars={phases.map((phase, index) => ({
        key: `${index} ${phase.name}`,
        name: phase.name,
        from: phase.from,
        to: phase.to,
        open: phase.open,
        colour:
          phase.kind === "waiting"
            ? "var(--mantine-color-gray-5)"
            : stateColour(index === phases.length - 1 && build.state !== "SUCCEEDED" ? build.state : "BUILT"),
      }))}
    />
  );
}
