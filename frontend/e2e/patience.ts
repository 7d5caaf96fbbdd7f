/** How long anything that is waited for may take, in milliseconds: a machine that tests many things at once is slow. */
export const PATIENCE = 30_000;
