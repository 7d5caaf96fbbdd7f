// The text alternatives of a chart: a sentence and a table.

export type Datum = Readonly<Record<string, number | string | null>>;

export interface Series {
  name: string;
  label: string;
  color: string;
}

export interface ChartProps {
  kind: "bars" | "lines" | "areas";
  /** `at` is the position of the point; the other members are values by the names of the series. */
  data: readonly Datum[];
  series: readonly Series[];
  /** A number with its unit. */
  format: (value: number) => string;
}

interface Named {
  name: string;
  label: string;
}

/** The latest and the largest value of a series, in a sentence. */
export function saysOf(data: readonly Datum[], { name, label }: Named, format: (value: number) => string): string {
  const known = data.flatMap((datum) => {
    const value = datum[name];
    return typeof value === "number" ? [{ at: String(datum.at), value }] : [];
  });
  const newest = known.at(-1);
  if (!newest) return `${label}: nothing`;
  const top = known.reduce((most, one) => (one.value > most.value ? one : most));
  return `${label}: ${format(newest.value)} at ${newest.at}, ${format(top.value)} at most, at ${top.at}`;
}

/** The points with values, newest first. */
export function tabled(
  data: readonly Datum[],
  series: readonly Named[],
  format: (value: number) => string,
): { key: number; at: string; cells: string[] }[] {
  return data
    .map((datum, key) => ({ datum, key }))
    .filter(({ datum }) => series.some(({ name }) => typeof datum[name] === "number" && datum[name] !== 0))
    .map(({ datum, key }) => ({
      key,
      at: String(datum.at),
      cells: series.map(({ name }) => {
        const value = datum[name];
        return typeof value === "number" ? format(value) : "–";
      }),
    }))
    .reverse();
}
