/** `npm run build`: packages where missing, then dist/ from nothing; with `--if-stale` only when it is not that of the sources. */
import { build, ensureBuilt, ensureInstalled } from "./setup.mjs";

ensureInstalled();
if (process.argv.includes("--if-stale")) ensureBuilt();
else process.exitCode = build();
