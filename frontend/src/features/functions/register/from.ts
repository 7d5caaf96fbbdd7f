// The kinds of sources for a new function.

export const FROM = ["git", "write", "upload", "image"] as const;

export type From = (typeof FROM)[number];
