-- What the owner says of a file, and the file's twins. Files of an older index are looked at once more for it (meta 0).
ALTER TABLE contents ADD COLUMN lens TEXT;
ALTER TABLE files ADD COLUMN meta INTEGER NOT NULL DEFAULT 0; -- the Reader's MetaVersion with which it was read
ALTER TABLE files ADD COLUMN rating INTEGER;                  -- 1 to 5 stars, 0 none, -1 rejected; NULL: nothing is said
ALTER TABLE files ADD COLUMN keywords TEXT;                   -- one a line
ALTER TABLE files ADD COLUMN sidecar BLOB;                    -- the XMP file beside it: its name; NULL: none
ALTER TABLE files ADD COLUMN sidecar_size INTEGER NOT NULL DEFAULT 0;
ALTER TABLE files ADD COLUMN sidecar_mtime_ns INTEGER NOT NULL DEFAULT 0;
ALTER TABLE files ADD COLUMN twins BLOB;        -- the names, parted by '/', that were looked at as its twins; NULL: none
ALTER TABLE files ADD COLUMN twin_format TEXT;  -- of a file that stands behind its JPEG twin, whose content it has: its own format

-- A small JPEG of a picture, with --keep-previews.
CREATE TABLE previews (
  content_id INTEGER PRIMARY KEY REFERENCES contents(id) ON DELETE CASCADE,
  jpeg       BLOB NOT NULL
);
