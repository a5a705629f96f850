/**
 * Makes one CommonJS module of the chunks into which esbuild splits the command: each becomes a function, called when
 * somebody first needs the chunk. Of chunks that nobody needs V8 makes nothing and keeps nothing (docs/adr/0010), where of
 * modules that are joined in one scope it makes all functions of all verbs at every start.
 *
 * Chunks do not import each other in a circle, and what they export is never assigned again: so what a chunk takes from
 * another can be constants.
 */
import { readFileSync } from "node:fs";
import { createRequire, isBuiltin } from "node:module";
import { basename, join } from "node:path";

/** As esbuild prints them with `--minify-whitespace`; they stand between statements. */
const IMPORT = /(?<=^|[;}\n])import(?: ([\w$]+)(?: from|,))?(?:\*as ([\w$]+) from|\{([^}]*)\}from)?"([^"]+)";/g;
const IMPORT_LATER = /\bimport\("([^"]+)"\)/g;
/** The last statement; what follows are licenses. */
const EXPORT = /export(?:\{([^}]*)\}| default ([^;]+));(?=\s*(?:\/\*.*\*\/\s*)?$)/s;

/**
 * `namespace` is what an import of a CommonJS module gives. `late` is for what Node computes when it is asked for:
 * `promises` of `node:fs` loads for two milliseconds.
 */
const PRELUDE = [
  "const made={};",
  "const chunk=name=>made[name]??=chunks[name]();",
  "const later=load=>Promise.resolve().then(load);",
  "const namespace=value=>Object.create(value,{default:{value}});",
  "const late=(from,name)=>new Proxy({},{get:(_,key)=>require(from)[name][key]});",
].join("\n");

/**
 * @param {string} directory where the chunks are
 * @param {import("esbuild").Metafile["outputs"]} outputs esbuild's account of them
 * @param {string} entry the chunk whose exports are the module's
 * @returns {string}
 */
export function joinChunks(directory, outputs, entry) {
  const chunks = Object.entries(outputs).map(([path, { imports }]) => {
    const name = basename(path);
    const count = imports.filter(({ kind }) => kind !== "require-call").length;
    return `${JSON.stringify(name)}(){${asFunction(readFileSync(join(directory, name), "utf8"), name, count)}\n}`;
  });
  return `${PRELUDE}\nconst chunks={\n${chunks.join(",\n")}};\nmodule.exports=chunk(${JSON.stringify(entry)});\n`;
}

/**
 * @param {string} code
 * @param {string} name
 * @param {number} imports how many it has: none must be passed over, and nothing else be taken for one
 */
function asFunction(code, name, imports) {
  /** @type {string[]} */
  const head = [];
  let found = 0;
  const body = code
    .replace(IMPORT, (_, whole, all, names, from) => {
      found++;
      head.push(importing(from, { whole, all, names }));
      return "";
    })
    .replace(IMPORT_LATER, (_, from) => {
      found++;
      return `later(()=>${isChunk(from) ? loading(from) : `namespace(${loading(from)})`})`;
    })
    .replace(EXPORT, (_, names, value) =>
      value === undefined
        ? `return{${pairs(names, (inner, outer) => `${outer}:${inner}`)}};`
        : `return namespace(${value});`,
    );
  if (found !== imports) throw new Error(`Of the ${imports} imports of ${name} ${found} were found`);
  return head.join("") + body;
}

/**
 * @param {string} from
 * @param {{ whole: string | undefined, all: string | undefined, names: string | undefined }} what
 */
function importing(from, { whole, all, names }) {
  const source = loading(from);
  const late = pairs(names, (outer, inner) => (isComputed(from, outer) ? `${inner}=late("${from}","${outer}")` : []));
  const ready = pairs(names, (outer, inner) => (isComputed(from, outer) ? [] : `${outer}:${inner}`));
  const parts = [
    whole && `const ${whole}=${source}${isChunk(from) ? ".default" : ""};`,
    all && `const ${all}=${source};`,
    late && `const ${late};`,
    ready && `const{${ready}}=${source};`,
  ];
  return parts.filter(Boolean).join("") || `${source};`;
}

/** @param {string} from @param {string} name */
function isComputed(from, name) {
  if (!isBuiltin(from)) return false;
  return Object.getOwnPropertyDescriptor(createRequire(import.meta.url)(from), name)?.get !== undefined;
}

/** @param {string} from */
function isChunk(from) {
  return from.startsWith("./");
}

/** @param {string} from */
function loading(from) {
  return isChunk(from) ? `chunk("${basename(from)}")` : `require("${from}")`;
}

/**
 * @param {string | undefined} names `a as b,c`
 * @param {(left: string, right: string) => string | readonly string[]} spell
 */
function pairs(names, spell) {
  return (names ?? "")
    .split(",")
    .filter((name) => name !== "")
    .flatMap((name) => {
      const [left = "", right = left] = name.split(" as ");
      return spell(left, right);
    })
    .join(",");
}
