// Times and amounts for display.

const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["year", 31_536_000],
  ["month", 2_592_000],
  ["day", 86_400],
  ["hour", 3_600],
  ["minute", 60],
];
const words = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });

/** A time relative to now: `5 min. ago`, `just now`. */
export function relative(time: string | number | Date, now: number): string {
  const seconds = (new Date(time).getTime() - now) / 1000;
  if (Number.isNaN(seconds)) return "–";
  const size = Math.abs(seconds);
  if (size < 5) return seconds > 0 ? "now" : "just now";
  const unit = UNITS.find(([, length]) => size >= length);
  return unit ? words.format(Math.round(seconds / unit[1]), unit[0]) : words.format(Math.round(seconds), "second");
}

/** Created once: creating a formatter takes longer than using it a hundred times. */
const whole = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

/** The exact local time; an invalid time is shown as it is. */
export function exact(time: string | number | Date): string {
  const at = new Date(time);
  return Number.isNaN(at.getTime()) ? String(time) : whole.format(at);
}

/** The time of day with milliseconds, as in logs. */
export function clock(time: string | number | Date): string {
  const at = new Date(time);
  const two = (n: number) => String(n).padStart(2, "0");
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${String(at.getMilliseconds()).padStart(3, "0")}`;
}

/** A duration: `12 ms`, `3.4 s`, `2 min 5 s`. */
export function duration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined || Number.isNaN(ms)) return "–";
  if (ms < 1) return "< 1 ms";
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 2 : 1)} s`;
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
  return `${Math.floor(ms / 3_600_000)} h ${Math.round((ms % 3_600_000) / 60_000)} min`;
}

/** A size: `771 B`, `1.5 MiB`. */
export function bytes(amount: number): string {
  let size = amount;
  for (const unit of ["B", "KiB", "MiB", "GiB"]) {
    if (size < 1024 || unit === "GiB") return `${unit === "B" ? size : size.toFixed(1)} ${unit}`;
    size /= 1024;
  }
  return `${amount} B`;
}

/** The first characters of a digest, a commit or an id. */
export function short(text: string | null | undefined, length = 8): string {
  return text ? text.replace(/^sha256:/, "").slice(0, length) : "–";
}
