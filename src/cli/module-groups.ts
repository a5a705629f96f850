import { readFileSync } from "node:fs";
import Module, { createRequire } from "node:module";
import { join } from "node:path";
import { compileScript, type ModuleGroup, openGroups } from "./compiled-groups.ts";

type Wrapped = (exports: unknown, require: (id: string) => unknown, module: unknown, file: string, dir: string) => void;

/** The script of a group whose modules have these sources: an object with a function for each. */
export function groupSource(modules: ReadonlyMap<string, string>): string {
  const functions = Array.from(
    modules,
    ([id, source]) => `${JSON.stringify(id)}(exports,require,module,__filename,__dirname){${source}\n}`,
  );
  return `({${functions.join(",\n")}})`;
}

/**
 * The CommonJS modules of a directory, most of them in groups: finding and reading a hundred modules one by one takes longer
 * than running them. A module of no group is read from its own file. All are run once, when they are first required.
 */
export class ModuleGroups {
  readonly #directory: string;
  readonly #groupOf = new Map<string, ModuleGroup>();
  readonly #functions = new Map<ModuleGroup, Readonly<Record<string, Wrapped>>>();
  readonly #modules = new Map<string, { exports: unknown }>();
  readonly #requireOther: NodeJS.Require;

  constructor(directory: string, groups: readonly ModuleGroup[]) {
    this.#directory = directory;
    this.#requireOther = createRequire(join(directory, "command.js"));
    for (const group of groups) for (const id of group.modules) this.#groupOf.set(id, group);
  }

  /** Those of a directory; undefined where nothing was compiled for the V8 that is running. */
  static open(directory: string): ModuleGroups | undefined {
    const groups = openGroups(directory);
    return groups && new ModuleGroups(directory, groups);
  }

  /** The modules that have been run, in that order. */
  get loaded(): readonly string[] {
    return [...this.#modules.keys()];
  }

  /** What a module exports. One that is still running has exported what it has. */
  readonly require = (id: string): unknown => {
    if (!id.startsWith("./")) return this.#requireOther(id);
    const known = this.#modules.get(id);
    if (known !== undefined) return known.exports;
    const module = { exports: {} };
    this.#modules.set(id, module);
    this.#functionOf(id)(module.exports, this.require, module, join(this.#directory, id), this.#directory);
    return module.exports;
  };

  #functionOf(id: string): Wrapped {
    const group = this.#groupOf.get(id);
    return group === undefined ? this.#single(id) : (this.#functionsOf(group)[id] as Wrapped);
  }

  #functionsOf(group: ModuleGroup): Readonly<Record<string, Wrapped>> {
    const known = this.#functions.get(group);
    if (known !== undefined) return known;
    const functions = group.script().runInThisContext() as Record<string, Wrapped>;
    this.#functions.set(group, functions);
    return functions;
  }

  #single(id: string): Wrapped {
    const path = join(this.#directory, id);
    return compileScript(Module.wrap(readFileSync(path, "latin1")), path).runInThisContext() as Wrapped;
  }
}
