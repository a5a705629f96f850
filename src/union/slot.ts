/** Number of a slot: a name at a place. The root is 0. */
export type Slot = number;

export const ROOT_SLOT: Slot = 0;

/** In the entry columns: a directory that no entry describes, implied by a path below it. */
export const NO_ENTRY = -1;
