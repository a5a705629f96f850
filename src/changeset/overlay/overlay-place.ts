/** The directories of an overlay, mounted or not. */
export interface OverlayPlace {
  /** Topmost first. */
  readonly lowers: readonly string[];
  /** What was written; lies above all lowers. */
  readonly upper: string;
}

/** How the directories of an overlay are to be understood. */
export interface OverlayDialect {
  /** Who wrote deletions there; fuse-overlayfs has more ways to. Default: overlayfs itself. */
  readonly style?: "overlay" | "fuse-overlayfs" | undefined;
  /** Its notes are in `trusted.overlay.*` and nowhere else. Default: they may be in any namespace. */
  readonly isTrustedOnly?: boolean | undefined;
}
