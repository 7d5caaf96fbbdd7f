-- Folders that could be functions, of a build that failed because its source is none itself: JSON, empty where there are none.
-- Builds from before offer none.
ALTER TABLE builds ADD COLUMN offered TEXT COLLATE "C";
