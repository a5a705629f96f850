import { toText } from "../base/index.ts";
import type { Notice } from "../index.ts";
import { printableText } from "./printable.ts";
import type { Terminal } from "./terminal.ts";

/** Most paths that are told one by one. */
const MOST = 20;

/** Says on stderr what of a tree is in no changeset, and why. */
export async function tellNotices(terminal: Terminal, notices: readonly Notice[]): Promise<void> {
  for (const { path, reason } of notices.slice(0, MOST)) {
    await terminal.note(`left out /${printableText(toText(path))}: ${reason}`);
  }
  if (notices.length > MOST) await terminal.note(`left out ${notices.length - MOST} more`);
}
