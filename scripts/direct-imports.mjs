/**
 * Says where the exports of doors really come from: whoever imports from a door runs the whole room, but a verb of the
 * command should run only what it uses.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";

/** As `tsc` writes them. A door only passes on; what it should make itself counts as coming from it. */
const PASSED_ON = /^export \{([^}]*)\} from "(\.[^"]+)";$/gm;
const IMPORTED = /^import \{([^}]*)\} from "(\.[^"]*\/index\.js)";$/gm;
const IMPORTED_LATER = /const \{([^}]*)\} = await import\("(\.[^"]*\/index\.js)"\);/g;

/**
 * Copies the modules in a directory; in the copies, imports from doors lead to the modules behind them.
 * @param {string} from
 * @param {string} to
 */
export function copyWithDirectImports(from, to) {
  const origins = originsIn();
  for (const name of readdirSync(from, { recursive: true, encoding: "utf8" })) {
    if (!name.endsWith(".js")) continue;
    mkdirSync(dirname(join(to, name)), { recursive: true });
    writeFileSync(join(to, name), withDirectImports(join(from, name), origins));
  }
}

/** @typedef {{ readonly file: string, readonly name: string }} Origin */

/**
 * @param {string} path
 * @param {(door: string, name: string) => Origin} origins
 * @returns {string}
 */
function withDirectImports(path, origins) {
  const directory = dirname(path);
  /** @param {string} names @param {string} door @param {" as " | ": "} as @param {(names: string, from: string) => string} spell */
  const spread = (names, door, as, spell) =>
    listed(names)
      .map((each) => {
        const [outer = "", local = outer] = each.split(as);
        const { file, name } = origins(resolve(directory, door), outer);
        return spell(name === local ? name : `${name}${as}${local}`, specifier(directory, file));
      })
      .join(" ");
  return readFileSync(path, "utf8")
    .replace(IMPORTED, (_, names, door) =>
      spread(names, door, " as ", (name, file) => `import { ${name} } from "${file}";`),
    )
    .replace(IMPORTED_LATER, (_, names, door) =>
      spread(names, door, ": ", (name, file) => `const { ${name} } = await import("${file}");`),
    );
}

/** Follows a name from door to door. */
function originsIn() {
  /** @type {Map<string, Map<string, Origin>>} */
  const doors = new Map();
  /** @param {string} door @param {string} name @returns {Origin} */
  const origin = (door, name) => {
    const known = doors.get(door) ?? passedOnBy(door);
    doors.set(door, known);
    const next = known.get(name);
    if (next === undefined) return { file: door, name };
    return next.file.endsWith(`${sep}index.js`) ? origin(next.file, next.name) : next;
  };
  return origin;
}

/** @param {string} door */
function passedOnBy(door) {
  /** @type {Map<string, Origin>} */
  const passedOn = new Map();
  for (const [, names = "", from = ""] of readFileSync(door, "utf8").matchAll(PASSED_ON)) {
    for (const each of listed(names)) {
      const [name = "", outer = name] = each.split(" as ");
      passedOn.set(outer, { file: resolve(dirname(door), from), name });
    }
  }
  return passedOn;
}

/** @param {string} names */
function listed(names) {
  return names
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
}

/** @param {string} directory @param {string} file */
function specifier(directory, file) {
  const path = relative(directory, file).split(sep).join("/");
  return path.startsWith(".") ? path : `./${path}`;
}
