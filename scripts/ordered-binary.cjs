/**
 * `ordered-binary` for the command's bundle, which leaves it where npm put it, for LMDB to find: it makes a function with `eval`,
 * which has to find the names of its module as they were written.
 */
const { createRequire } = require("node:module");

module.exports = createRequire(createRequire(__filename).resolve("lmdb"))("ordered-binary");
