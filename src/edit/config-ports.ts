import { invalidChange } from "./check-config-change.ts";

const PORTS = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(tcp|udp|sctp))?$/;

/** The ports that a text means, as configurations spell them: `8000-8001` is `8000/tcp` and `8001/tcp`. */
export function portsOf(text: string): string[] {
  const [, low = "", high = low, protocol = "tcp"] = PORTS.exec(text) ?? [];
  const [first, last] = [Number(low), Number(high)];
  if (low === "" || first < 1 || last > 65535 || last < first) {
    throw invalidChange(
      "exposedPorts",
      text,
      "a port is a number from 1 to 65535 or a range, with /tcp, /udp or /sctp",
    );
  }
  return Array.from({ length: last - first + 1 }, (_, i) => `${first + i}/${protocol}`);
}
