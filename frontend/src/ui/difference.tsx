// Shows a diff of two texts. The algorithm is loaded when it is first needed.

import { Skeleton, Text, VisuallyHidden } from "@mantine/core";
import { useEffect, useState } from "react";
import { counted, type Row, rows } from "./difference.ts";
import "./difference.css";

/** The time limit for computing a diff, in milliseconds. */
const PATIENCE = 1_500;
/** Maximum number of rows shown. */
const SHOWN = 2_000;

const SIGN = { added: "+", removed: "−", same: "" };

export function Difference({
  before,
  after,
  label,
  max = 420,
}: {
  before: string;
  after: string;
  label: string;
  max?: number;
}) {
  const [found, setFound] = useState<readonly Row[] | "too different" | null>(null);
  useEffect(() => {
    let gone = false;
    void import("diff").then(
      ({ diffLines }) => {
        const parts = diffLines(before, after, { timeout: PATIENCE });
        if (!gone) setFound(parts ? rows(parts) : "too different");
      },
      () => {
        if (!gone) setFound("too different");
      },
    );
    return () => {
      gone = true;
    };
  }, [before, after]);

  if (found === null) return <Skeleton height={120} />;
  if (found === "too different")
    return <Text size="sm">The texts are too different for a line-by-line comparison.</Text>;
  const { added, removed } = counted(found);
  if (added + removed === 0)
    return (
      <Text size="sm" c="dimmed">
        No line differs.
      </Text>
    );
  return (
    <div>
      <Text size="xs" c="dimmed" mb={4}>
        {label}: {added} {added === 1 ? "line" : "lines"} added, {removed} removed
      </Text>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reached by the keyboard */}
      <section className="difference" style={{ maxHeight: max }} tabIndex={0} aria-label={`${label}, line by line`}>
        <table>
          <tbody>
            {found.slice(0, SHOWN).map((row) =>
              row.kind === "folded" ? (
                <tr key={`f${row.before}`} className="folded">
                  <td className="number" colSpan={3} />
                  <td className="text">{row.count} lines that did not change</td>
                </tr>
              ) : (
                <tr key={`${row.kind}${row.before}-${row.after}`} className={row.kind}>
                  <td className="number">{row.before}</td>
                  <td className="number">{row.after}</td>
                  <td>
                    <span aria-hidden="true">{SIGN[row.kind]}</span>
                    {row.kind !== "same" && <VisuallyHidden>{row.kind}</VisuallyHidden>}
                  </td>
                  <td className="text">{row.text}</td>
                </tr>
              ),
            )}
          </tbody>
        </table>
      </section>
      {found.length > SHOWN && (
        <Text size="xs" c="dimmed">
          and {(found.length - SHOWN).toLocaleString()} rows more
        </Text>
      )}
    </div>
  );
}
