/**
 * `node:child_process` for the command's bundle, loaded when a program is started: commander asks for it while it is
 * loaded, and it brings Node's network along, 4 ms that most verbs can do without.
 */
// biome-ignore lint/style/useNodejsImportProtocol: with it the name leads here.
const load = () => require("child_process");

module.exports = {
  get execFile() {
    return load().execFile;
  },
  get spawn() {
    return load().spawn;
  },
};
