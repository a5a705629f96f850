/** `npm run build`: packages where missing, then dist/ from nothing. */
import { build, ensureInstalled } from "./setup.mjs";

ensureInstalled();
process.exitCode = build();
