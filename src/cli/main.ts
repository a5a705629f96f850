#!/usr/bin/env node
/**
 * cli: the command `strata`.
 *
 * This file starts fast and does little: it answers `--version` by itself and leaves everything else to {@link runCli},
 * which `npm run build` puts, with all that it needs, into groups of modules beside this file (docs/adr/0019).
 * A *verb* is one file in `commands/`, run only when it is called; {@link VERBS} lists them. What verbs share:
 * {@link Terminal} (where output goes and how it may look), {@link withImage} (an image for as long as a verb needs it),
 * {@link viewOf} (the tree after `--layer`), {@link jsonEntry} (the stable fields of a file).
 *
 * Output that a program may read goes to stdout, notes and errors to stderr. Lines are {@link ByteString}s, because names
 * are bytes: raw in a pipe, escaped on a terminal.
 */
import { createRequire } from "node:module";
import process from "node:process";
import { loadCommand } from "./load-command.ts";

const { version } = createRequire(import.meta.filename)("../../package.json") as { readonly version: string };
const args = process.argv.slice(2);

if (args.length === 1 && (args[0] === "--version" || args[0] === "-V")) process.stdout.write(`${version}\n`);
else void loadCommand(import.meta.dirname).runProcess(args, version);
