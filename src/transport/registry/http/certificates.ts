/** Authorities and client certificates in PEM, as node:tls takes them. */
export interface TlsMaterial {
  /** All trusted authorities; absent: Node's own. */
  readonly ca?: string[];
}
