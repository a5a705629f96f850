/** `npm start [-- IMAGE]`: all set-up, then the tour of an image; without one, of the sample that the repository carries. */
import { ensureBuilt, ensureInstalled, run } from "./setup.mjs";

const SAMPLE = "examples/layers/image.tar";

ensureInstalled();
ensureBuilt();
const args = process.argv.slice(2);
process.exitCode = run(process.execPath, ["dist/cli/main.js", "tour", ...(args.length === 0 ? [SAMPLE] : args)]);
