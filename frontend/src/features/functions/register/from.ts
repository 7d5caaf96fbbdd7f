// Where a new function may come from.

export const FROM = ["git", "write", "upload", "image"] as const;

export type From = (typeof FROM)[number];
