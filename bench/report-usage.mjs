/** Loaded into a measured Node process: leaves its peak memory where the benchmark asks for it. */
import { writeFileSync } from "node:fs";

process.on("exit", () => {
  const target = process.env["BENCH_USAGE_FILE"];
  if (target !== undefined) writeFileSync(target, String(process.resourceUsage().maxRSS));
});
