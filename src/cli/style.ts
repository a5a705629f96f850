import type { FileNode } from "../tree/index.ts";

type Paint = (text: string) => string;

/** Colours and weights; each function returns its text unchanged where there are no colours. Works on text and bytes alike. */
export interface Style {
  readonly isOn: boolean;
  readonly bold: Paint;
  readonly dim: Paint;
  readonly red: Paint;
  readonly green: Paint;
  readonly yellow: Paint;
  readonly blue: Paint;
  readonly cyan: Paint;
  /** The colour that stands for a layer, the same in every command. */
  readonly layer: (number: number, text: string) => string;
  /** The colour in which `ls` shows such a file. */
  readonly file: (node: Pick<FileNode, "type" | "mode">, name: string) => string;
}

/** Distinguishable on dark and light backgrounds; the base stays calm. */
const LAYER_CODES = ["38;5;244", "36", "32", "33", "35", "34", "38;5;208", "31", "38;5;37", "38;5;141"] as const;

/** Creates a style with or without escape sequences. */
export function createStyle(isOn: boolean): Style {
  const paint =
    (code: string): Paint =>
    (text) =>
      isOn && text !== "" ? `\x1b[${code}m${text}\x1b[0m` : text;
  const layers = LAYER_CODES.map(paint);
  const files = fileColors(paint);
  return {
    isOn,
    bold: paint("1"),
    dim: paint("2"),
    red: paint("31"),
    green: paint("32"),
    yellow: paint("33"),
    blue: paint("34"),
    cyan: paint("36"),
    layer: (number, text) => (layers[number % layers.length] as Paint)(text),
    file: (node, name) => files(node)(name),
  };
}

/** The colours that `dircolors` sets by default. */
function fileColors(paint: (code: string) => Paint): (node: Pick<FileNode, "type" | "mode">) => Paint {
  const plain: Paint = (text) => text;
  const directory = paint("1;34");
  const sticky = paint("30;42");
  const symlink = paint("1;36");
  const device = paint("1;33");
  const fifo = paint("33");
  const setuid = paint("37;41");
  const executable = paint("1;32");
  return ({ type, mode }) => {
    switch (type) {
      case "directory":
        return (mode & 0o1002) === 0o1002 ? sticky : directory;
      case "symlink":
        return symlink;
      case "char":
      case "block":
        return device;
      case "fifo":
        return fifo;
      case "file":
        if ((mode & 0o4000) !== 0) return setuid;
        return (mode & 0o111) === 0 ? plain : executable;
    }
  };
}
