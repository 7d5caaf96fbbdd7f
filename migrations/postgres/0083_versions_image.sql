-- The image that a version is, as it is asked for; its digest is in `digest`, and `size` says nothing then. Empty for a version that
-- is files, as all from before are.
ALTER TABLE versions ADD COLUMN image TEXT COLLATE "C";
