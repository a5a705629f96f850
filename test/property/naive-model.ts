import { dir, hardlink, type TarStep, type TreeFile, treeScript } from "../../src/testing/index.ts";

/**
 * Layers applied to a tree of plain objects, as simply as it can be written: what the union must agree with. Paths are arrays of
 * names; whatever can be looked up again is looked up again.
 */
interface Inode {
  /** The step that describes it; undefined for an implied directory. */
  readonly step: TarStep | undefined;
  readonly children: Map<string, Name> | undefined;
}

/** A name in a directory: which file, and which layer gave it that name. */
interface Name {
  inode: Inode;
  layer: number;
}

/** Thrown where the union must refuse, too. */
export class Refused extends Error {
  readonly code: string;

  constructor(code: string) {
    super(code);
    this.code = code;
  }
}

export class NaiveModel {
  #root: Inode = { step: undefined, children: new Map() };
  #layer = 0;
  #odd = false;
  /** What the markers of the current layer took away, by literal path. */
  #removed = new Map<string, Inode>();

  apply(steps: readonly TarStep[]): void {
    const markers = steps.map(readMarker).filter((marker) => marker !== undefined);
    this.#removed = new Map();
    const wentThroughLinks = markers.filter(({ directory }) => !this.isLiteralDirectory(directory));
    for (const marker of markers) this.#removeLiterally(marker);
    for (const step of steps) {
      if (readMarker(step) === undefined) this.#place(step);
      // What came back is what a later link means, and when that goes, too, nothing is left.
      for (const path of this.#removed.keys()) if (this.has(path.split("/"))) this.#removed.delete(path);
    }
    this.#removeBehindLinks(wentThroughLinks);
    this.#layer++;
  }

  /** Whether a literal path is a directory, with no symlink on the way. */
  isLiteralDirectory(path: readonly string[]): boolean {
    return this.#literal(path)?.children !== undefined;
  }

  /** Whether anything lies at a literal path. */
  has(path: readonly string[]): boolean {
    return this.#literal(path) !== undefined;
  }

  /** Whether an entry lay below a file, or a link had a target that only careful tools find: oracles differ there. */
  get wasOdd(): boolean {
    return this.#odd;
  }

  copy(): NaiveModel {
    const copies = new Map<Inode, Inode>();
    const copyOf = (inode: Inode): Inode => {
      const known = copies.get(inode);
      if (known !== undefined) return known;
      const names = [...(inode.children ?? [])].map(
        ([name, old]) => [name, { ...old, inode: copyOf(old.inode) }] as const,
      );
      const made = { step: inode.step, children: inode.children && new Map(names) };
      copies.set(inode, made);
      return made;
    };
    const model = new NaiveModel();
    model.#root = copyOf(this.#root);
    model.#layer = this.#layer;
    return model;
  }

  /** The tree so far. */
  files(): TreeFile[] {
    const steps: TarStep[] = [];
    const firstNames = new Map<Inode, string>();
    const visit = (inode: Inode, path: string): void => {
      for (const [name, { inode: child }] of inode.children ?? []) {
        const childPath = path === "" ? name : `${path}/${name}`;
        const first = firstNames.get(child);
        if (first !== undefined) steps.push(hardlink(childPath, first));
        else steps.push(child.step === undefined ? dir(childPath, { mtime: 0 }) : { ...child.step, name: childPath });
        firstNames.set(child, childPath);
        visit(child, childPath);
      }
    };
    visit(this.#root, "");
    const root = this.#root.step;
    return treeScript(...(root === undefined ? [] : [{ ...root, name: "./" }]), ...steps);
  }

  /** Markers come first. */
  #removeLiterally({ directory, name }: Marker): void {
    const children = this.#literal(directory)?.children;
    if (children === undefined) return;
    for (const child of name === undefined ? [...children.keys()] : [name]) {
      const gone = children.get(child);
      if (gone !== undefined) this.#remember(gone.inode, [...directory, child]);
      children.delete(child);
    }
  }

  #remember(inode: Inode, path: readonly string[]): void {
    this.#removed.set(path.join("/"), inode);
    for (const [name, { inode: child }] of inode.children ?? []) this.#remember(child, [...path, name]);
  }

  /** Markers behind symlinks come last, all at once, and spare what their own layer has placed. */
  #removeBehindLinks(markers: readonly Marker[]): void {
    const found = markers.map(({ directory, name }) => ({ children: this.#walk(directory)?.children, name }));
    for (const { children, name } of found) {
      if (children === undefined) continue;
      for (const child of name === undefined ? [...children.keys()] : [name]) this.#removeLower(children, child);
    }
  }

  #removeLower(siblings: Map<string, Name>, name: string): void {
    const found = siblings.get(name);
    if (found === undefined) return;
    const below = found.inode.children;
    if (below !== undefined) for (const child of below.keys()) this.#removeLower(below, child);
    if (found.layer !== this.#layer && (below === undefined || below.size === 0)) siblings.delete(name);
  }

  #place(step: TarStep): void {
    const path = split(step.name);
    const name = path.pop();
    if (name === undefined) {
      this.#root = { step, children: this.#root.children };
      return;
    }
    const siblings = this.#makeDirectory(path).children as Map<string, Name>;
    const old = siblings.get(name);
    if (step.type === "hardlink") {
      const inode = this.#target(step);
      if (old?.inode === inode) {
        this.#odd = true;
        return;
      }
      siblings.set(name, { inode, layer: this.#layer });
      if (this.#lookUp(step.linkName) !== inode) this.#odd = true;
    } else {
      const isDirectory = step.type === "directory";
      const children = isDirectory ? (old?.inode.children ?? new Map<string, Name>()) : undefined;
      siblings.set(name, { inode: { step, children }, layer: this.#layer });
    }
  }

  #target(step: TarStep): Inode {
    const there = this.#lookUp(step.linkName);
    const found = there ?? this.#removed.get(split(step.linkName).join("/"));
    if (there === undefined) this.#odd = true;
    if (found === undefined) throw new Refused("hardlink-target-missing");
    if (found.children !== undefined) throw new Refused("hardlink-to-directory");
    return found;
  }

  /** What a path names; its parents are followed, itself not. */
  #lookUp(path: string): Inode | undefined {
    const parents = split(path);
    const name = parents.pop();
    return name === undefined ? this.#root : this.#walk(parents)?.children?.get(name)?.inode;
  }

  #literal(path: readonly string[]): Inode | undefined {
    let inode: Inode | undefined = this.#root;
    for (const name of path) inode = inode?.children?.get(name)?.inode;
    return inode;
  }

  #walk(path: readonly string[]): Inode | undefined {
    return this.#at(this.#resolve(path, false));
  }

  /** The directory at a path, made where it is missing, also in place of what is none. */
  #makeDirectory(path: readonly string[]): Inode {
    return this.#at(this.#resolve(path, true)) as Inode;
  }

  #at(path: readonly string[] | undefined): Inode | undefined {
    return path === undefined ? undefined : this.#literal(path);
  }

  /** The literal path behind all symlinks; undefined where there is nothing, and nothing is to be made. */
  #resolve(path: readonly string[], make: boolean): string[] | undefined {
    const done: string[] = [];
    const todo = [...path];
    for (let steps = 0; steps < 2000; steps++) {
      const name = todo.shift();
      if (name === undefined) return done;
      if (name === ".." && this.isLiteralDirectory(done)) done.pop();
      else if (!this.#step(name, done, { todo, make })) return undefined;
    }
    if (make) throw new Refused("symlink-loop");
    return undefined;
  }

  #step(name: string, done: string[], { todo, make }: { readonly todo: string[]; readonly make: boolean }): boolean {
    const children = this.#literal(done)?.children;
    if (children === undefined) return false;
    const link = children.get(name)?.inode.step;
    if (link?.type === "symlink") {
      if (link.linkName.startsWith("/")) done.length = 0;
      todo.unshift(...split(link.linkName));
      return true;
    }
    if (!children.has(name) && leavesAgain(todo)) return true;
    if (make) this.#makeOne(children, name);
    done.push(name);
    return children.has(name);
  }

  #makeOne(children: Map<string, Name>, name: string): void {
    const found = children.get(name);
    if (found?.inode.children !== undefined) return;
    if (found !== undefined) this.#odd = true;
    children.set(name, { inode: { step: undefined, children: new Map() }, layer: this.#layer });
  }
}

/** Whether the way leaves a missing directory again: nobody makes it then, and the way goes on where it began. */
function leavesAgain(todo: string[]): boolean {
  const below = ["missing"];
  for (const [i, name] of todo.entries()) {
    if (name === "..") below.pop();
    else below.push(name);
    if (below.length > 0) continue;
    todo.splice(0, i + 1);
    return true;
  }
  return false;
}

interface Marker {
  readonly directory: readonly string[];
  /** Undefined: everything. */
  readonly name: string | undefined;
}

export function readMarker(step: TarStep): Marker | undefined {
  const path = split(step.name);
  const base = path.pop() ?? "";
  if (base === ".wh..wh..opq") return { directory: path, name: undefined };
  return base.startsWith(".wh.") ? { directory: path, name: base.slice(4) } : undefined;
}

export function split(path: string): string[] {
  return path.split("/").filter((part) => part !== "" && part !== ".");
}
