/** `msgpackr` for the command's bundle: LMDB encodes nothing with it when values are JSON, and it brings a binary of its own. */
module.exports = { Encoder: undefined };
