/**
 * LMDB's binary for the command's bundle, in place of the package that looks for it: that takes 17 ms to find out what is known
 * here, and starts Node's network on the way. Where the binary lies elsewhere, or cannot be loaded, that package decides.
 */
const { createRequire } = require("node:module");
const { dirname, join } = require("node:path");
const { arch, platform, versions } = process;

/** @param {string} directory of the package */
function loadFrom(directory) {
  const fromThere = createRequire(join(directory, "package.json"));
  // The first is for this very version of Node, and what LMDB would take.
  for (const kind of [`abi${versions.modules}`, "napi"]) {
    try {
      return fromThere(`@lmdb/lmdb-${platform}-${arch}/node.${kind}.glibc.node`);
    } catch {}
  }
  return fromThere("node-gyp-build-optional-packages")(directory);
}

// The package's modules are in the bundle: where they think that they lie is of no use.
module.exports = () => loadFrom(dirname(dirname(createRequire(__filename).resolve("lmdb"))));
