import type { FileNode, FileType } from "../tree/index.ts";

const TYPE_LETTERS: Readonly<Record<FileType, string>> = {
  file: "-",
  directory: "d",
  symlink: "l",
  char: "c",
  block: "b",
  fifo: "p",
};

const known = new Map<string, string>();

/** Type and permissions as `ls -l` writes them: `drwxr-sr-t`. */
export function formatMode({ type, mode }: Pick<FileNode, "type" | "mode">): string {
  const letter = TYPE_LETTERS[type];
  const key = letter + mode;
  let text = known.get(key);
  if (text === undefined) {
    text = letter + formatPermissions(mode);
    known.set(key, text);
  }
  return text;
}

const knownOctals: string[] = [];

/** Four octal digits. */
export function octalMode(mode: number): string {
  let text = knownOctals[mode];
  if (text === undefined) {
    text = mode.toString(8).padStart(4, "0");
    knownOctals[mode] = text;
  }
  return text;
}

function formatPermissions(mode: number): string {
  return [
    triple(mode >> 6, (mode & 0o4000) !== 0 ? "sS" : undefined),
    triple(mode >> 3, (mode & 0o2000) !== 0 ? "sS" : undefined),
    triple(mode, (mode & 0o1000) !== 0 ? "tT" : undefined),
  ].join("");
}

/** Three letters; `special` is what stands for the last with and without the right to execute. */
function triple(bits: number, special: string | undefined): string {
  const canExecute = (bits & 1) !== 0;
  const plain = canExecute ? "x" : "-";
  const last = special === undefined ? plain : (special[canExecute ? 0 : 1] as string);
  return `${(bits & 4) !== 0 ? "r" : "-"}${(bits & 2) !== 0 ? "w" : "-"}${last}`;
}
