import { resolve } from "node:path";
import { type Command, InvalidArgumentError } from "commander";
import type { FileEdit } from "../../index.ts";

/** A change of files as the command line has it: where it comes from is still a path of this machine. */
export type AskedEdit = Exclude<FileEdit, { readonly kind: "copy-in" | "write" }> | CopyIn;

interface CopyIn {
  readonly kind: "copy-in";
  /** Of this machine, absolute. */
  readonly source: string;
  readonly path: string;
}

/** The option that asks for each. */
export const OPTION_OF: Readonly<Record<AskedEdit["kind"], string>> = {
  remove: "--rm",
  "copy-in": "--cp",
  "make-directory": "--mkdir",
  symlink: "--symlink",
  chmod: "--chmod",
  chown: "--chown",
};

/** Declares the options that change files; what they ask for is put into `edits`, in the order of the command line. */
export function addFileEdits(command: Command, edits: AskedEdit[]): Command {
  const asked =
    (parse: (text: string) => AskedEdit) =>
    (text: string, before: readonly string[] = []): string[] => {
      edits.push(parse(text));
      return [...before, text];
    };
  return command
    .optionsGroup("Files (done in their order, each as often as wanted):")
    .option("--rm <path>", "remove a file, or a directory with all below it", asked(removal))
    .option("--cp <from:path>", "copy a file or directory of this machine to PATH; it belongs to 0:0", asked(copy))
    .option("--mkdir <path>", "make a directory, and those above it", asked(directory))
    .option("--symlink <target:path>", "make a symlink at PATH", asked(symlink))
    .option("--chmod <mode:path>", "set a mode, such as 0755", asked(chmod))
    .option("--chown <uid:gid:path>", "set owners, by number", asked(chown));
}

function removal(path: string): AskedEdit {
  return { kind: "remove", path: absolute(path) };
}

function copy(text: string): AskedEdit {
  const [source, path] = splitAt(text, "It is FROM:/PATH, such as ./app.conf:/etc/app.conf.");
  return { kind: "copy-in", source: resolve(source), path };
}

function directory(path: string): AskedEdit {
  return { kind: "make-directory", path: absolute(path) };
}

function symlink(text: string): AskedEdit {
  const [target, path] = splitAt(text, "It is TARGET:/PATH, such as python3:/usr/bin/python.");
  return { kind: "symlink", target, path };
}

function chmod(text: string): AskedEdit {
  const [mode, path] = splitAt(text, "It is MODE:/PATH, such as 0755:/app/run.");
  if (!/^[0-7]{1,5}$/.test(mode) || Number.parseInt(mode, 8) > 0o7777) {
    throw new InvalidArgumentError("A mode is an octal number up to 7777.");
  }
  return { kind: "chmod", mode: Number.parseInt(mode, 8), path };
}

function chown(text: string): AskedEdit {
  const [owners, path] = splitAt(text, "It is UID:GID:/PATH, such as 1000:1000:/app.");
  const [, uid, gid] = /^(\d{1,10}):(\d{1,10})$/.exec(owners) ?? [];
  if (uid === undefined || gid === undefined) throw new InvalidArgumentError("Owners are two numbers, UID:GID.");
  return { kind: "chown", uid: Number(uid), gid: Number(gid), path };
}

/** What stands before the last colon that an absolute path follows, and that path. */
function splitAt(text: string, hint: string): [before: string, path: string] {
  const at = text.lastIndexOf(":/");
  if (at > 0) return [text.slice(0, at), text.slice(at + 1)];
  throw new InvalidArgumentError(hint);
}

function absolute(path: string): string {
  // What an unset variable of a shell leaves would mean the root.
  if (path === "") throw new InvalidArgumentError("It is a path in the image, such as /srv/data.");
  return path.startsWith("/") ? path : `/${path}`;
}
