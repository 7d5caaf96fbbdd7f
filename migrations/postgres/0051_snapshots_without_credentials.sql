-- A state may hold an address with credentials; it is made anew from the log, where it is read without.
DELETE FROM snapshots WHERE stream LIKE 'function-%';
