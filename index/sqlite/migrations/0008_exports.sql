-- The JSON that an export, such as Google Takeout, wrote about a file: its name beside the file, and its state when it was read.
ALTER TABLE files ADD COLUMN export BLOB;
ALTER TABLE files ADD COLUMN export_size INTEGER NOT NULL DEFAULT 0;
ALTER TABLE files ADD COLUMN export_mtime_ns INTEGER NOT NULL DEFAULT 0;
