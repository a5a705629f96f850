import { type ByteString, isUtf8, toBuffer, toText } from "../base/index.ts";
import type { ComparedFile, ListedChange } from "../index.ts";
import { octalMode } from "./format-mode.ts";
import { isoTime } from "./format-time.ts";
import type { Terminal } from "./terminal.ts";

/** The letter for each kind of change, as `docker diff` has it. */
const LETTERS = { added: "A", modified: "C", deleted: "D" } as const;

/** A change as `docker diff` prints it: `C /etc/motd`; with details also what differs. */
export function changeLine(
  terminal: Terminal,
  change: ListedChange,
  { hasDetails }: { hasDetails: boolean },
): ByteString {
  const { kind, path, fields } = change;
  const details = hasDetails && fields.length > 0 ? `  (${fields.join(", ")})` : "";
  return `${LETTERS[kind]} ${terminal.name(`/${path}`)}${details}\n`;
}

/** A change as one line of JSON; docs/cli.md explains the fields. */
export function changeJson({ kind, path, fields, before, after }: ListedChange): string {
  const bytes = isUtf8(path) ? undefined : toBuffer(`/${path}`).toString("base64");
  return `${JSON.stringify({
    kind,
    path: toText(`/${path}`),
    pathBytes: bytes,
    fields: kind === "modified" ? fields : undefined,
    before: before === undefined ? undefined : fileJson(before),
    after: after === undefined ? undefined : fileJson(after),
  })}\n`;
}

function fileJson({ type, mode, uid, gid, size, mtime, linkTarget, device, xattrs }: ComparedFile): object {
  return {
    type,
    mode: octalMode(mode),
    uid,
    gid,
    size,
    mtime: isoTime(mtime),
    target: type === "symlink" ? toText(linkTarget) : undefined,
    device: type === "char" || type === "block" ? device : undefined,
    xattrs: xattrs.size === 0 ? undefined : xattrsJson(xattrs),
  };
}

function xattrsJson(xattrs: ReadonlyMap<ByteString, Uint8Array>): Record<string, string> {
  return Object.fromEntries([...xattrs].map(([name, value]) => [toText(name), Buffer.from(value).toString("base64")]));
}
