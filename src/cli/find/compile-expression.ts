import { type ByteString, type FileTime, fromText, isLater, toText } from "../../base/index.ts";
import type { FileType } from "../../tree/index.ts";
import type { MergedTree } from "../../union/index.ts";
import type { Accounts } from "../accounts.ts";
import type { Candidate, FindContext } from "./candidate.ts";
import { type Expression, invalidExpression } from "./expression.ts";
import { compileFnmatch } from "./fnmatch.ts";
import { compileFormat } from "./format-found.ts";
import { type Comparison, parseComparison, parseDate, parsePermissionTest, parseSizeTest } from "./parse-values.ts";

/** What a file's evaluation does besides being true or false. */
export interface FindActions {
  print(candidate: Candidate): void;
  print0(candidate: Candidate): void;
  list(candidate: Candidate): void;
  write(bytes: ByteString): void;
  /** Do not descend. */
  prune(): void;
  /** Look at no further file. */
  quit(): void;
}

export type Judge = (candidate: Candidate, actions: FindActions) => boolean;

/** An expression ready to run, and how deep it looks. */
export interface CompiledExpression {
  readonly judge: Judge;
  readonly minDepth: number;
  readonly maxDepth: number;
  /** Whether directories are judged after what is in them. */
  readonly isDepthFirst: boolean;
}

/** Compiles an expression into one function. What is said of depth holds for the whole, wherever it stands. */
export function compileExpression(expression: Expression, context: FindContext): CompiledExpression {
  const depths = { minDepth: 0, maxDepth: Number.POSITIVE_INFINITY, isDepthFirst: false };
  collectDepths(expression, depths);
  return { judge: compile(expression, context), ...depths };
}

interface Depths {
  minDepth: number;
  maxDepth: number;
  isDepthFirst: boolean;
}

function collectDepths(expression: Expression, depths: Depths): void {
  if (expression.kind === "primary") {
    const { name, argument } = expression;
    if (name === "-depth" || name === "-d") depths.isDepthFirst = true;
    if (name !== "-mindepth" && name !== "-maxdepth") return;
    if (!/^[0-9]{1,9}$/.test(argument)) throw invalidExpression(`"${argument}" after ${name} is not a number`);
    if (name === "-mindepth") depths.minDepth = Number(argument);
    else depths.maxDepth = Number(argument);
  } else if (expression.kind === "not") {
    collectDepths(expression.operand, depths);
  } else {
    collectDepths(expression.left, depths);
    collectDepths(expression.right, depths);
  }
}

function compile(expression: Expression, context: FindContext): Judge {
  if (expression.kind === "primary") {
    return (PRIMARY_COMPILERS[expression.name] as PrimaryCompiler)(expression.argument, context);
  }
  if (expression.kind === "not") {
    const operand = compile(expression.operand, context);
    return (candidate, actions) => !operand(candidate, actions);
  }
  const left = compile(expression.left, context);
  const right = compile(expression.right, context);
  switch (expression.kind) {
    case "and":
      return (candidate, actions) => left(candidate, actions) && right(candidate, actions);
    case "or":
      return (candidate, actions) => left(candidate, actions) || right(candidate, actions);
    case "list":
      return (candidate, actions) => {
        left(candidate, actions);
        return right(candidate, actions);
      };
  }
}

type PrimaryCompiler = (argument: string, context: FindContext) => Judge;

/** A test of one number. */
function numeric(name: string, value: (candidate: Candidate) => number): PrimaryCompiler {
  return (argument) => {
    const compare = parseComparison(name, argument);
    return (candidate) => compare(value(candidate));
  };
}

/** A test of a text with a pattern. */
function globbing(value: (candidate: Candidate) => ByteString, ignoreCase = false): PrimaryCompiler {
  return (argument) => {
    const match = compileFnmatch(argument, { ignoreCase });
    return (candidate) => match(toText(value(candidate)));
  };
}

function regex(flags: string): PrimaryCompiler {
  return (argument) => {
    const pattern = compileRegExp(argument, flags);
    return (candidate) => pattern.test(toText(pathOf(candidate)));
  };
}

function compileRegExp(source: string, flags: string): RegExp {
  try {
    return new RegExp(`^(?:${source})$`, flags);
  } catch {
    throw invalidExpression(
      `"${source}" is not a regular expression`,
      "They are JavaScript's, and match the whole path",
    );
  }
}

/** An action: always true. */
function acting(act: (actions: FindActions, candidate: Candidate) => void): PrimaryCompiler {
  return () => (candidate, actions) => {
    act(actions, candidate);
    return true;
  };
}

const always: PrimaryCompiler = () => () => true;

const PRIMARY_COMPILERS: Readonly<Record<string, PrimaryCompiler>> = {
  "-name": globbing(baseName),
  "-iname": globbing(baseName, true),
  "-path": globbing(pathOf),
  "-wholename": globbing(pathOf),
  "-ipath": globbing(pathOf, true),
  "-iwholename": globbing(pathOf, true),
  "-lname": linkNames(false),
  "-ilname": linkNames(true),
  "-regex": regex("su"),
  "-iregex": regex("sui"),
  "-type": (argument) => {
    const wanted = typesOf("-type", argument);
    return ({ node }) => wanted.has(node.type);
  },
  "-xtype": (argument, { tree }) => {
    const wanted = typesOf("-xtype", argument);
    return ({ node, path }) => wanted.has(node.type === "symlink" ? typeBehind(tree, path) : node.type);
  },
  "-size": (argument) => {
    const compare = parseSizeTest(argument);
    return ({ node }) => compare(node.size);
  },
  "-empty": (_, { tree }) => isEmpty(tree),
  "-perm": (argument) => {
    const compare = parsePermissionTest(argument);
    return ({ node }) => compare(node.mode);
  },
  "-user": account("users", "-user", ({ node }) => node.uid),
  "-group": account("groups", "-group", ({ node }) => node.gid),
  "-uid": numeric("-uid", ({ node }) => node.uid),
  "-gid": numeric("-gid", ({ node }) => node.gid),
  "-nouser":
    (_, { accounts }) =>
    ({ node }) =>
      !accounts.users.has(node.uid),
  "-nogroup":
    (_, { accounts }) =>
    ({ node }) =>
      !accounts.groups.has(node.gid),
  "-newer": (argument, { tree, resolve }) => newerThan(tree.node(resolve(argument)).mtime),
  "-newermt": (argument) => {
    const seconds = parseDate(argument);
    return newerThan({ seconds: Math.floor(seconds), nanoseconds: Math.round((seconds - Math.floor(seconds)) * 1e9) });
  },
  "-mtime": (argument, { now }) => age(parseComparison("-mtime", argument), now, 86_400),
  "-mmin": (argument, { now }) => age(parseComparison("-mmin", argument), now, 60),
  "-links": numeric("-links", ({ node }) => node.nlink),
  "-inum": numeric("-inum", ({ node }) => node.inode),
  "-samefile": (argument, { tree, resolve }) => {
    const { inode } = tree.node(resolve(argument));
    return ({ node }) => node.inode === inode;
  },
  "-layer": numeric("-layer", ({ node }) => node.layer),
  "-xattr": (argument) => {
    const match = compileFnmatch(argument);
    return ({ node }) => [...node.xattrs.keys()].some((name) => match(toText(name)));
  },
  "-maxdepth": always,
  "-mindepth": always,
  "-depth": always,
  "-d": always,
  "-true": always,
  "-false": () => () => false,
  "-print": acting((actions, candidate) => actions.print(candidate)),
  "-print0": acting((actions, candidate) => actions.print0(candidate)),
  "-ls": acting((actions, candidate) => actions.list(candidate)),
  "-printf": (argument, context) => {
    const format = compileFormat(argument);
    return (candidate, actions) => {
      actions.write(format(candidate, context));
      return true;
    };
  },
  "-prune": acting((actions) => actions.prune()),
  "-quit": acting((actions) => actions.quit()),
};

function baseName({ path }: Candidate): ByteString {
  return path === "" ? "/" : path.slice(path.lastIndexOf("/") + 1);
}

function pathOf({ path }: Candidate): ByteString {
  return `/${path}`;
}

function linkNames(ignoreCase: boolean): PrimaryCompiler {
  return (argument) => {
    const match = compileFnmatch(argument, { ignoreCase });
    return ({ node }) => node.type === "symlink" && match(toText(node.linkTarget));
  };
}

const TYPES: Readonly<Record<string, FileType>> = {
  f: "file",
  d: "directory",
  l: "symlink",
  c: "char",
  b: "block",
  p: "fifo",
};

/** The types that letters mean. */
function typesOf(name: string, argument: string): ReadonlySet<FileType | undefined> {
  const types = argument.split(",").map((letter) => TYPES[letter]);
  // No layer can hold a socket, but asking for one is no mistake.
  if (argument !== "s" && types.includes(undefined)) {
    throw invalidExpression(`"${argument}" after ${name} is not a type`, "Some of f d l c b p, with commas between");
  }
  return new Set(types);
}

/** The type of what a symlink leads to; where it leads nowhere, it is a symlink still, as find(1) has it. */
function typeBehind(tree: MergedTree, path: ByteString): FileType {
  const slot = tree.find(path, { followLast: true });
  return slot < 0 ? "symlink" : tree.node(slot).type;
}

function isEmpty(tree: MergedTree): Judge {
  return ({ node, slot }) => {
    if (node.type === "file") return node.size === 0;
    return node.type === "directory" && tree.children(slot).length === 0;
  };
}

/** By name if there is such a name in the image, else by number, as find(1) does. */
function account(key: keyof Accounts, name: string, idOf: (candidate: Candidate) => number): PrimaryCompiler {
  return (argument, { accounts }) => {
    const wanted = fromText(argument);
    const ids = [...accounts[key]].flatMap(([id, known]) => (known === wanted ? [id] : []));
    if (ids.length > 0) return (candidate) => ids.includes(idOf(candidate));
    if (!/^[0-9]+$/.test(argument)) {
      throw invalidExpression(`"${argument}" after ${name} is not known in the image`, "A number works always");
    }
    return (candidate) => idOf(candidate) === Number(argument);
  };
}

function newerThan(time: FileTime): Judge {
  return ({ node: { mtime } }) => isLater(mtime, time);
}

/** Whole units since the last change, rounded down. */
function age(compare: Comparison, now: number, unit: number): Judge {
  return ({ node: { mtime } }) => compare(Math.floor((now - mtime.seconds - mtime.nanoseconds / 1e9) / unit));
}
