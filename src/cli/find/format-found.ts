import { type ByteString, fromText } from "../../base/index.ts";
import { baseNameOf, parentOf } from "../../tree/index.ts";
import { formatMode } from "../format-mode.ts";
import { formatFullTime } from "../format-time.ts";
import type { Candidate, FindContext } from "./candidate.ts";
import { invalidExpression } from "./expression.ts";

type Piece = (candidate: Candidate, context: FindContext) => ByteString;

const ESCAPES: Readonly<Record<string, string>> = {
  n: "\n",
  t: "\t",
  r: "\r",
  a: "\x07",
  b: "\b",
  f: "\f",
  v: "\v",
  "0": "\0",
  "\\": "\\",
};

const DIRECTIVES: Readonly<Record<string, Piece>> = {
  "%": () => "%",
  p: ({ path }) => `/${path}`,
  P: ({ path, start }) => path.slice(start.length).replace(/^\//, ""),
  H: ({ start }) => `/${start}`,
  f: ({ path }) => (path === "" ? "/" : baseNameOf(path)),
  h: ({ path }) => (path === "" ? "" : `/${parentOf(path)}`).replace(/^\/$/, ""),
  d: ({ depth }) => String(depth),
  s: ({ node }) => String(node.size),
  m: ({ node }) => node.mode.toString(8),
  M: ({ node }) => formatMode(node),
  y: ({ node }) => formatMode(node).slice(0, 1).replace("-", "f"),
  n: ({ node }) => String(node.nlink),
  i: ({ node }) => String(node.inode),
  l: ({ node }) => node.linkTarget,
  U: ({ node }) => String(node.uid),
  G: ({ node }) => String(node.gid),
  u: ({ node }, { accounts }) => accounts.users.get(node.uid) ?? String(node.uid),
  g: ({ node }, { accounts }) => accounts.groups.get(node.gid) ?? String(node.gid),
  t: ({ node }) => fromText(formatFullTime(node.mtime)),
  "T@": ({ node }) => `${node.mtime.seconds}.${String(node.mtime.nanoseconds).padStart(9, "0")}0`,
  L: ({ node }) => String(node.layer),
};

/**
 * Compiles a format of `-printf`: `%p %P %H %f %h %d %s %m %M %y %n %i %l %U %G %u %g %t %T@ %%`, `%L` for the layer,
 * and the escapes of find(1).
 */
export function compileFormat(format: string): Piece {
  const pieces: Piece[] = [];
  const pattern = /%(T@|.)|\\(.)|[^%\\]+|[%\\]$/gs;
  for (const [whole, directive, escaped] of format.matchAll(pattern)) {
    if (directive !== undefined) pieces.push(directiveOf(directive));
    else pieces.push(constant(escaped === undefined ? whole : (ESCAPES[escaped] ?? whole)));
  }
  return (candidate, context) => pieces.map((piece) => piece(candidate, context)).join("");
}

function constant(text: string): Piece {
  const bytes = fromText(text);
  return () => bytes;
}

function directiveOf(name: string): Piece {
  const piece = DIRECTIVES[name];
  if (piece !== undefined) return piece;
  throw invalidExpression(
    `-printf has no "%${name}"`,
    `There are ${Object.keys(DIRECTIVES)
      .map((one) => `%${one}`)
      .join(" ")}`,
  );
}
