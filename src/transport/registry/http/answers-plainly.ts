import { connect } from "node:net";

/**
 * A greeting in TLS that nobody can accept: the header of a record, that of a ClientHello, and as its body two ends of
 * lines, because a server of plain HTTP reads to the end of a line before it complains.
 */
const GREETING = Buffer.from("\x16\x03\x01\x00\x08\x01\x00\x00\x04\r\n\r\n", "latin1");
/** A server that has not said anything by then is asked as if it had not been greeted. */
const PATIENCE_MS = 500;

/**
 * Whether the server at the host and port of a URL answers a greeting in TLS in the words of plain HTTP. That costs next to nothing, where an attempt at
 * HTTPS first reads all authorities that Node knows, which takes longer than all other requests of a small image. Whatever
 * else happens, silence and failure too, is no.
 */
export function answersPlainly(url: URL, signal: AbortSignal): Promise<boolean> {
  const host = url.hostname.replace(/^\[|\]$/g, "");
  return new Promise((resolve) => {
    const socket = connect({ host, port: Number(url.port), timeout: PATIENCE_MS });
    const end = (isPlain: boolean): void => {
      signal.removeEventListener("abort", giveUp);
      socket.destroy();
      resolve(isPlain);
    };
    const giveUp = (): void => end(false);
    if (signal.aborted) return end(false);
    signal.addEventListener("abort", giveUp, { once: true });
    socket.on("error", giveUp).once("close", giveUp).once("timeout", giveUp);
    socket.once("connect", () => socket.write(GREETING));
    socket.once("data", (bytes) => end(bytes.subarray(0, 5).toString("latin1") === "HTTP/"));
  });
}
