/**
 * The import boundaries of docs/architecture.md: rooms import downwards only, and only through doors (`index.ts`).
 * What the machine, the network and the process offer stays in the few rooms that are made for it.
 */
const ROOMS = {
  base: [],
  oci: ["base"],
  tar: ["base"],
  tree: ["base"],
  linux: ["base"],
  layer: ["base", "oci", "tar", "tree"],
  content: ["base", "oci", "linux"],
  directory: ["union", "content", "layer", "oci", "tar", "tree", "linux", "base"],
  union: ["layer", "tree", "base", "tar"],
  image: ["layer", "content", "oci", "tar", "base", "tree"],
  fs: ["union", "image", "layer", "tar", "tree", "base"],
  erofs: ["union", "layer", "tar", "tree", "base"],
  changeset: ["directory", "union", "content", "layer", "oci", "tar", "tree", "linux", "base"],
  edit: ["fs", "union", "image", "content", "layer", "oci", "tar", "tree", "base"],
  snapshot: [
    "changeset",
    "erofs",
    "union",
    "directory",
    "image",
    "content",
    "layer",
    "oci",
    "tar",
    "tree",
    "linux",
    "base",
  ],
  store: ["snapshot", "image", "content", "layer", "oci", "tar", "tree", "linux", "base"],
  transport: ["directory", "image", "content", "oci", "tar", "layer", "tree", "linux", "base"],
  unpack: [
    "transport",
    "store",
    "snapshot",
    "directory",
    "union",
    "image",
    "content",
    "layer",
    "oci",
    "tar",
    "tree",
    "linux",
    "base",
  ],
};
const ALL_ROOMS = [...Object.keys(ROOMS), "testing", "cli"];
const TEST = "\\.test\\.ts$";

/** A room sees itself, the doors below it, and packages. */
const roomRules = Object.entries(ROOMS).map(([room, below]) => ({
  name: `${room}-imports-${below.length === 0 ? "no-room" : "downwards"}`,
  comment: `${room} may import ${below.join(", ") || "no other room"}.`,
  severity: "error",
  from: { path: `^src/${room}/`, pathNot: TEST },
  to: { path: "^src/", pathNot: [room, ...below].map((name) => `^src/${name}/`) },
}));

/** A room's tests lie beside its code or, when they run the whole of it, in test/ under its name. */
const doorRules = ALL_ROOMS.map((room) => ({
  name: `through-the-door-of-${room}`,
  comment: `Import ${room} through src/${room}/index.ts.`,
  severity: "error",
  from: { pathNot: `^(src|test)/${room}/` },
  to: { path: `^src/${room}/`, pathNot: `^src/${room}/index\\.ts$` },
}));

/** `what` may be imported only from `where`, save its types; tests may import anything of the platform. */
function only(name, what, where, comment) {
  return {
    name,
    comment,
    severity: "error",
    from: { path: "^src/", pathNot: [TEST, ...where] },
    to: { path: what, dependencyTypesNot: ["type-only"] },
  };
}

module.exports = {
  forbidden: [
    ...roomRules,
    ...doorRules,
    {
      name: "no-cycles",
      comment: "Two modules that need each other are one module, or three.",
      severity: "error",
      from: {},
      to: { circular: true },
    },
    {
      name: "testing-imports-doors-only",
      comment: "The published suites see what a user sees: doors of rooms, never the command line.",
      severity: "error",
      from: { path: "^src/testing/" },
      to: { path: "^src/(cli/|[^/]+\\.ts$)" },
    },
    {
      name: "nobody-imports-testing",
      comment: "Only tests stand on the testing room.",
      severity: "error",
      from: { path: "^src/", pathNot: ["^src/testing/", TEST] },
      to: { path: "^src/testing/" },
    },
    {
      name: "front-door-without-cli",
      comment: "The library does not know its command line.",
      severity: "error",
      from: { path: "^src/", pathNot: ["^src/cli/", TEST] },
      to: { path: "^src/cli/" },
    },
    {
      name: "only-cli-uses-the-front-door",
      comment: "src/index.ts composes the rooms; only the command line stands above it.",
      severity: "error",
      from: { path: "^src/[^/]+/", pathNot: ["^src/cli/", TEST] },
      to: { path: "^src/[^/]+\\.ts$" },
    },
    {
      name: "through-the-front-door",
      comment: "What src/index.ts does not export is its own affair.",
      severity: "error",
      from: { path: "^(src/cli|test|bench|examples)/", pathNot: TEST },
      to: { path: "^src/[^/]+\\.ts$", pathNot: "^src/index\\.ts$" },
    },
    {
      name: "no-test-in-code",
      comment: "Code never imports tests or their support.",
      severity: "error",
      from: { path: "^src/", pathNot: TEST },
      to: { path: [TEST, "^test/", "^bench/", "^scripts/"] },
    },
    {
      name: "no-dev-dependency-in-code",
      comment: "What the package needs at run time stands in its dependencies.",
      severity: "error",
      from: { path: "^src/", pathNot: TEST },
      to: { dependencyTypes: ["npm-dev", "npm-no-pkg", "npm-unknown"], dependencyTypesNot: ["type-only"] },
    },
    {
      name: "resolvable",
      comment: "Every import leads somewhere.",
      severity: "error",
      from: {},
      to: { couldNotResolve: true },
    },
    only("ffi-in-linux", "(^|/)koffi(/|$)", ["^src/linux/"], "The kernel is called only in the room `linux`."),
    only("lmdb-in-store", "(^|/)lmdb(/|$)", ["^src/store/"], "Only the store keeps tables."),
    only(
      "no-hidden-imports",
      "^(node:)?module$",
      ["^src/linux/", "^src/cli/(main|load-command|module-groups)\\.ts$"],
      "`createRequire` hides an import from these rules: only the FFI needs it, and the command that loads itself.",
    ),
    only(
      "files-where-they-lie",
      "^(node:)?fs(/promises)?$",
      [
        "^src/linux/",
        "^src/content/drivers/local",
        "^src/(changeset|directory|snapshot|store|transport|build|unpack)/",
        "^src/testing/adapters/",
        "^src/cli/(compiled|module)-groups\\.ts$",
        "^src/host-files\\.ts$",
      ],
      "Only drivers and adapters touch the local file system, and the command that loads itself; everything else takes a port.",
    ),
    only(
      "threads-in-few-rooms",
      "^(node:)?worker_threads$",
      ["^src/(image|directory|unpack)/"],
      "Only rooms that read or write many bytes run work on other threads.",
    ),
    only(
      "process-in-cli",
      "^(node:)?(process|console|readline|repl|tty)",
      ["^src/cli/"],
      "Only the room `cli` talks to the process.",
    ),
    only(
      "http-in-registry",
      "^(node:)?(http|https|http2|net|tls)$|undici|node_modules/hono",
      ["^src/transport/registry/", "^src/serve/"],
      "Only the registry transport and the servers speak HTTP.",
    ),
    only("clock-in-base", "^(node:)?perf_hooks$", ["^src/base/"], "Time comes from the room `base`."),
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^(dist|coverage)/" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "types", "node", "default"],
      mainFields: ["module", "main", "types"],
    },
  },
};
