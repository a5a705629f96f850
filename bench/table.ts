import type { Measurement } from "./measure.ts";

/** Measurements as a table in Markdown; ratios are to the fastest median of those named `best`. */
export function table(title: string, results: Record<string, Measurement>, best: readonly string[]): string {
  const fastest = Math.min(...best.map((name) => results[name]?.median ?? Number.POSITIVE_INFINITY));
  const rows = Object.entries(results).map(([name, { median, runs, peakMiB }]) => {
    const peak = peakMiB === undefined || !name.startsWith("strata") ? "" : `${Math.round(peakMiB)} MiB`;
    return `| ${name} | ${Math.round(median)} ms | ${Math.round(runs[0] ?? 0)} ms | ${(median / fastest).toFixed(2)} | ${peak} |`;
  });
  const head = `| ${title} | median | fastest run | × best peer | peak memory |\n|---|---|---|---|---|`;
  return `${head}\n${rows.join("\n")}\n\n`;
}
