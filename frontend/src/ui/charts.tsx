// The charts that are too large to be loaded before somebody looks at one. Drawn for the eye only: what they say is
// told beside them, see chart.tsx.

import "@mantine/charts/styles.css";
import { AreaChart, BarChart, LineChart } from "@mantine/charts";
import type { ChartProps } from "./chart.tsx";

export default function Drawn({ kind, data, series, format, height }: ChartProps & { height: number }) {
  const shared = {
    h: height,
    data: data as Record<string, unknown>[],
    dataKey: "at",
    series: series.map(({ name, label, color }) => ({ name, label, color })),
    valueFormatter: format,
    withLegend: series.length > 1,
    legendProps: { verticalAlign: "bottom" as const, height: 28 },
    xAxisProps: { minTickGap: 40 },
    yAxisProps: { width: 62, allowDecimals: false },
    tickLine: "none" as const,
    gridAxis: "x" as const,
  };
  // Nothing that the keyboard would stop at, for nothing.
  const still = { accessibilityLayer: false };
  switch (kind) {
    case "bars":
      return <BarChart {...shared} barChartProps={still} type="stacked" barProps={{ isAnimationActive: false }} />;
    case "areas":
      return (
        <AreaChart
          {...shared}
          areaChartProps={still}
          curveType="stepAfter"
          withDots={false}
          areaProps={{ isAnimationActive: false }}
        />
      );
    default:
      return (
        <LineChart
          {...shared}
          lineChartProps={still}
          curveType="linear"
          connectNulls={false}
          strokeWidth={2}
          dotProps={{ r: 2 }}
          lineProps={{ isAnimationActive: false }}
        />
      );
  }
}
