import { BlockList, isIP } from "node:net";
import { StrataError } from "../../../base/index.ts";
import { isLoopback } from "./registry-host.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** A proxy, and what it wants to see of its user. */
export interface ProxyRoute {
  /** Without user and password, but for socks5, where they are part of the protocol. */
  readonly url: URL;
  /** `Proxy-Authorization`. */
  readonly authorization: string | undefined;
}

const SCHEMES = new Set(["http:", "https:", "socks5:", "socks:"]);

/**
 * The proxy that the environment names for a URL, by Go's rules: `HTTPS_PROXY` for https, `HTTP_PROXY` for http, not for
 * what `NO_PROXY` lists, each also in lower case. This machine is never reached through a proxy.
 * @throws StrataError `invalid-proxy`
 */
export function proxyFor(url: URL, environment: Environment): ProxyRoute | undefined {
  const name = url.protocol === "https:" ? "HTTPS_PROXY" : "HTTP_PROXY";
  const text = readVariable(environment, name)?.trim() ?? "";
  if (text === "" || isLoopback(url.hostname)) return undefined;
  const rules = readVariable(environment, "NO_PROXY") ?? "";
  return rules.split(/[\s,]+/).some((rule) => matches(rule, url)) ? undefined : parseProxy(text, name);
}

function readVariable(environment: Environment, name: string): string | undefined {
  return environment[name] || environment[name.toLowerCase()];
}

/** `*`, an address, a range in CIDR, `name` with all below it, `.name` and `*.name` below it only; each with a port or without. */
function matches(rule: string, url: URL): boolean {
  if (rule === "") return false;
  if (rule === "*") return true;
  const host = url.hostname.replace(/^\[|\]$/g, "");
  if (rule.includes("/")) return isIn(host, rule);
  const [, bracketed, plain = "", port] = /^(?:\[([^\]]+)\]|(.*?))(?::(\d+))?$/.exec(rule) ?? [];
  const isBareAddress = isIP(rule) === 6;
  if (!isBareAddress && port !== undefined && port !== (url.port || defaultPort(url))) return false;
  const name = (isBareAddress ? rule : (bracketed ?? plain)).toLowerCase().replace(/^\*\./, ".");
  if (isIP(host) !== 0) return isIP(name) !== 0 && isIn(host, name);
  return name.startsWith(".") ? host.endsWith(name) : host === name || host.endsWith(`.${name}`);
}

function isIn(host: string, range: string): boolean {
  const [address = "", bits] = range.split("/");
  const family = isIP(address);
  if (family === 0 || isIP(host) !== family) return false;
  const type = family === 4 ? "ipv4" : "ipv6";
  const width = family === 4 ? 32 : 128;
  const length = bits === undefined ? width : Number(bits);
  if (!Number.isInteger(length) || length < 0 || length > width) return false;
  const list = new BlockList();
  list.addSubnet(address, length, type);
  return list.check(host, type);
}

function defaultPort(url: URL): string {
  return url.protocol === "https:" ? "443" : "80";
}

function parseProxy(text: string, variable: string): ProxyRoute {
  const spelled = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `http://${text}`;
  if (!URL.canParse(spelled)) throw invalidProxy(variable, "is not a URL");
  const url = new URL(spelled);
  if (!SCHEMES.has(url.protocol)) throw invalidProxy(variable, "must be http, https or socks5");
  if (url.username === "" || url.protocol.startsWith("socks")) return { url, authorization: undefined };
  const user = `${decoded(url.username, variable)}:${decoded(url.password, variable)}`;
  url.username = "";
  url.password = "";
  return { url, authorization: `Basic ${Buffer.from(user).toString("base64")}` };
}

function decoded(text: string, variable: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalidProxy(variable, "has a broken escape in its user or password");
  }
}

/** The value is never shown: it may hold a password. */
function invalidProxy(variable: string, problem: string): StrataError {
  return new StrataError({
    code: "invalid-proxy",
    kind: "invalid-argument",
    message: `The proxy in the environment variable ${variable} ${problem}`,
    details: { variable },
  });
}
