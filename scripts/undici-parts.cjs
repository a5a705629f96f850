// @ts-nocheck: undici has types for the whole, not for its parts.
/**
 * The parts of undici that the command uses, put together as its own entry does: they stand for the package in the
 * command's bundle.
 */
const Dispatcher = require("../node_modules/undici/lib/dispatcher/dispatcher.js");

Object.assign(Dispatcher.prototype, { request: require("../node_modules/undici/lib/api/api-request.js") });

module.exports = {
  Agent: require("../node_modules/undici/lib/dispatcher/agent.js"),
  Pool: require("../node_modules/undici/lib/dispatcher/pool.js"),
  ProxyAgent: require("../node_modules/undici/lib/dispatcher/proxy-agent.js"),
  buildConnector: require("../node_modules/undici/lib/core/connect.js"),
};
