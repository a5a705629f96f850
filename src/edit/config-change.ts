import type { Platform } from "../oci/index.ts";

/** Values by name: a text sets one, null takes it out. Names that are there keep their places, others go to the end. */
export type NamedValues = Readonly<Record<string, string | null>>;

/** Members of a set. What is taken out need not be in it. */
export interface SetChange {
  readonly add?: readonly string[] | undefined;
  readonly remove?: readonly string[] | undefined;
}

/** How a running container is checked (docker's `HEALTHCHECK`). Times are in milliseconds, 0 or at least 1. */
export interface Healthcheck {
  /** The command: its words, or one text for the image's shell. Left out, the check of the image stays, with these times. */
  readonly test?: readonly string[] | string | undefined;
  readonly intervalMs?: number | undefined;
  readonly timeoutMs?: number | undefined;
  readonly startPeriodMs?: number | undefined;
  readonly startIntervalMs?: number | undefined;
  /** Failures in a row that make it unhealthy. */
  readonly retries?: number | undefined;
}

/**
 * What to change in the configuration of an image (image-spec config.md#properties, `config`). What is left out stays; null
 * takes a value out.
 */
export interface ConfigChange {
  /** Variables of the environment. */
  readonly env?: NamedValues | undefined;
  /** The words of the entrypoint. Setting it takes `cmd` out unless that is given too, as `ENTRYPOINT` does in a Dockerfile. */
  readonly entrypoint?: readonly string[] | null | undefined;
  readonly cmd?: readonly string[] | null | undefined;
  /** `USER`, `UID`, `USER:GROUP`, `UID:GID`. */
  readonly user?: string | null | undefined;
  /** Absolute, for images of Windows any path. */
  readonly workingDir?: string | null | undefined;
  readonly labels?: NamedValues | undefined;
  /** `80`, `80/tcp`, `53/udp`, `9999/sctp`, or a range `8000-8010/tcp`. TCP unless said. */
  readonly exposedPorts?: SetChange | undefined;
  /** Absolute paths. */
  readonly volumes?: SetChange | undefined;
  /** `SIGTERM`, or a number from 1 to 64. */
  readonly stopSignal?: string | null | undefined;
  /** `none` turns off a check that a base image has; null leaves none of its own. */
  readonly healthcheck?: Healthcheck | "none" | null | undefined;
  /** The words of the shell in which commands that are one text run. */
  readonly shell?: readonly string[] | null | undefined;
  readonly author?: string | null | undefined;
  /** What the image says it is for; nothing else changes. */
  readonly platform?: Platform | undefined;
  /** Of the manifest, not of the configuration. */
  readonly annotations?: NamedValues | undefined;
}
