// Charts, loaded lazily because of their size. They are decorative for screen readers, which use the text alternatives
// in chart.tsx.

import "@mantine/core/styles/ColorSwatch.css";
import "@mantine/charts/styles.css";
import { AreaChart, BarChart, LineChart } from "@mantine/charts";
import type { ChartProps } from "./chartWords.ts";

/** Not focusable: the table beside it is. */
const silent = { accessibilityLayer: false };

export default function Drawn({ kind, data, series, format, height }: ChartProps & { height: number }) {
  const shared = {
    h: height,
    data: data as Record<string, unknown>[],
    dataKey: "at",
    series: series.map(({ name, label, color }) => ({ name, label, color })),
    valueFormatter: format,
    withLegend: series.length > 1,
    legendProps: { verticalAlign: "top" as const, height: 30 },
    xAxisProps: { minTickGap: 40 },
    yAxisProps: { width: 62, allowDecimals: false, interval: 0, tickCount: 4 },
    tickLine: "none" as const,
    gridAxis: "x" as const,
  };
  switch (kind) {
    case "bars":
      return <BarChart {...shared} type="stacked" barChartProps={silent} barProps={{ isAnimationActive: false }} />;
    case "areas":
      return (
        <AreaChart
          {...shared}
          curveType="stepAfter"
          areaChartProps={silent}
          withDots={false}
          areaProps={{ isAnimationActive: false }}
        />
      );
    default:
      return (
        <LineChart
          {...shared}
          curveType="linear"
          lineChartProps={silent}
          connectNulls={false}
          strokeWidth={2}
          dotProps={{ r: 2 }}
          lineProps={{ isAnimationActive: false }}
        />
      );
  }
}
