-- What the build of an image learned of it, as JSON: size, layers, platform, and its pull. Empty for files, and for images from before.
ALTER TABLE versions ADD COLUMN image_facts TEXT COLLATE "C";
