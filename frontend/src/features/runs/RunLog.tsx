// The lines of one run.

import { Text } from "@mantine/core";
import { Log } from "../../ui/log.tsx";
import { useLines } from "./useLines.ts";

export function RunLog({ run, height = "40vh" }: { run: string; height?: string }) {
  const { lines, version, dropped, error } = useLines({ run });
  if (error)
    return (
      <Text size="sm" c="red">
        {error}
      </Text>
    );
  return <Log lines={lines} version={version} dropped={dropped} height={height} empty="It has written nothing." />;
}
