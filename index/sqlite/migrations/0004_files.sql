-- Metadata belongs to the file; what a picture shows is derived from its files. Vectors belong to moments of a picture. What is true of
-- this machine only (mounts, disks) stands apart. A picture is called picture, and what counts costs one row.

DROP TRIGGER coverage_model_added;
DROP TRIGGER coverage_file_added;
DROP TRIGGER coverage_file_gone;
DROP TRIGGER coverage_file_left;
DROP TRIGGER coverage_file_came;
DROP TRIGGER coverage_vector_added;
DROP TRIGGER coverage_vector_gone;

ALTER TABLE contents RENAME TO pictures;
ALTER TABLE embeddings RENAME COLUMN content_id TO picture_id;
ALTER TABLE previews RENAME COLUMN content_id TO picture_id;
DROP INDEX contents_orphaned;
CREATE INDEX pictures_orphaned ON pictures(orphaned_at) WHERE orphaned_at IS NOT NULL;

-- Names of cameras (kind 1) and lenses (2), and sets of keywords, one a line (3): few different ones. folded is what searches compare.
CREATE TABLE words (
  id     INTEGER PRIMARY KEY,
  kind   INTEGER NOT NULL,
  text   TEXT    NOT NULL,
  folded TEXT    NOT NULL,
  UNIQUE (kind, text)
);
INSERT INTO words(kind, text, folded) SELECT DISTINCT 1, camera, imgsearch_fold(camera) FROM pictures WHERE camera IS NOT NULL;
INSERT INTO words(kind, text, folded) SELECT DISTINCT 2, lens, imgsearch_fold(lens) FROM pictures WHERE lens IS NOT NULL;
INSERT INTO words(kind, text, folded) SELECT DISTINCT 3, keywords, imgsearch_fold(keywords) FROM files WHERE keywords IS NOT NULL;

-- uid names a root and outlives repairs, moves and copies of the index. files and bytes are counted by the triggers.
CREATE TABLE new_roots (
  id       INTEGER PRIMARY KEY,
  uid      TEXT    NOT NULL UNIQUE,
  walked   INTEGER NOT NULL,
  added_at INTEGER NOT NULL,
  files    INTEGER NOT NULL DEFAULT 0,
  bytes    INTEGER NOT NULL DEFAULT 0
);
INSERT INTO new_roots SELECT r.id, lower(hex(randomblob(8))), r.walked, r.added_at,
  (SELECT count(*) FROM files f WHERE f.root_id = r.id), (SELECT coalesce(sum(size), 0) FROM files f WHERE f.root_id = r.id) FROM roots r;
-- Host state: where a root lies on this machine, and what number the system gives to the disks that hold its files.
CREATE TABLE mounts (
  root_id INTEGER PRIMARY KEY REFERENCES roots(id) ON DELETE CASCADE,
  path    BLOB NOT NULL UNIQUE
);
INSERT INTO mounts(root_id, path) SELECT id, path FROM roots;
DROP TABLE roots;
ALTER TABLE new_roots RENAME TO roots;
CREATE TABLE disks (
  id      INTEGER PRIMARY KEY,
  root_id INTEGER NOT NULL REFERENCES roots(id) ON DELETE CASCADE,
  device  INTEGER NOT NULL,
  UNIQUE (root_id, device)
);
INSERT INTO disks(root_id, device) SELECT DISTINCT root_id, device FROM files;

-- One row a file. dir and name are relative to its root, with slashes ('' for the root itself).
CREATE TABLE new_files (
  id               INTEGER PRIMARY KEY,
  root_id          INTEGER NOT NULL REFERENCES roots(id) ON DELETE CASCADE,
  dir              BLOB    NOT NULL,
  name             BLOB    NOT NULL,
  size             INTEGER NOT NULL,
  mtime_ns         INTEGER NOT NULL,
  disk_id          INTEGER NOT NULL REFERENCES disks(id),
  picture_id       INTEGER NOT NULL REFERENCES pictures(id),
  meta             INTEGER NOT NULL DEFAULT 0, -- the Reader's MetaVersion with which it was read
  format           TEXT    NOT NULL,           -- its own
  is_twin          INTEGER NOT NULL DEFAULT 0, -- it stands behind its JPEG twin, whose picture is its
  rating           INTEGER,                    -- 1 to 5 stars, 0 none, -1 rejected; NULL: nothing is said
  keywords         INTEGER,                    -- of words, as camera and lens
  taken_at         TEXT,                       -- RFC 3339, local; the zone only where the file has it
  taken_source     INTEGER NOT NULL DEFAULT 0, -- store.DateSource
  camera           INTEGER,
  lens             INTEGER,
  latitude         REAL,
  longitude        REAL,
  sidecar          BLOB,                       -- the XMP file beside it: its name; NULL: none
  sidecar_size     INTEGER NOT NULL DEFAULT 0,
  sidecar_mtime_ns INTEGER NOT NULL DEFAULT 0,
  twins            BLOB,                       -- the names, parted by '/', that were looked at as its twins; NULL: none
  UNIQUE (root_id, dir, name)
);
-- Of a picture with several files it is not known which one said what: these are looked at once more (meta 0).
INSERT INTO new_files
  SELECT f.id, f.root_id, f.dir, f.name, f.size, f.mtime_ns, d.id, f.content_id,
    CASE WHEN EXISTS (SELECT 1 FROM files g WHERE g.content_id = f.content_id AND g.id <> f.id) THEN 0 ELSE f.meta END,
    coalesce(f.twin_format, p.format), f.twin_format IS NOT NULL, f.rating, (SELECT id FROM words WHERE kind = 3 AND text = f.keywords),
    p.taken_at, 0, (SELECT id FROM words WHERE kind = 1 AND text = p.camera), (SELECT id FROM words WHERE kind = 2 AND text = p.lens),
    p.latitude, p.longitude, f.sidecar, f.sidecar_size, f.sidecar_mtime_ns, f.twins
  FROM files f JOIN pictures p ON p.id = f.content_id JOIN disks d ON d.root_id = f.root_id AND d.device = f.device;
DROP TABLE files;
ALTER TABLE new_files RENAME TO files;
CREATE INDEX files_picture ON files(picture_id);
CREATE INDEX files_disk ON files(disk_id);

-- What a picture shows, derived from its files (store.Derive).
ALTER TABLE pictures ADD COLUMN taken_source INTEGER NOT NULL DEFAULT 0;
ALTER TABLE pictures ADD COLUMN camera_word INTEGER;
ALTER TABLE pictures ADD COLUMN lens_word INTEGER;
ALTER TABLE pictures ADD COLUMN rating INTEGER;
ALTER TABLE pictures ADD COLUMN keywords INTEGER;
UPDATE pictures SET camera_word = (SELECT id FROM words WHERE kind = 1 AND text = camera), lens_word = (SELECT id FROM words WHERE kind = 2 AND text = lens),
  (rating, keywords) = (SELECT f.rating, f.keywords FROM files f WHERE f.picture_id = pictures.id LIMIT 1);
ALTER TABLE pictures DROP COLUMN camera;
ALTER TABLE pictures DROP COLUMN lens;
ALTER TABLE pictures RENAME COLUMN camera_word TO camera;
ALTER TABLE pictures RENAME COLUMN lens_word TO lens;
CREATE INDEX pictures_taken ON pictures(taken_at DESC) WHERE orphaned_at IS NULL;

-- A still picture has the moment 0, without a time; those of a film are numbered, with milliseconds from its beginning.
ALTER TABLE embeddings ADD COLUMN moment INTEGER NOT NULL DEFAULT 0;
ALTER TABLE embeddings ADD COLUMN moment_ms INTEGER;
DROP INDEX embeddings_model;
CREATE UNIQUE INDEX embeddings_model ON embeddings(model_id, picture_id, moment);
DROP INDEX embeddings_content;
CREATE INDEX embeddings_picture ON embeddings(picture_id);

-- 'sniff' are bystanders, which nobody counts.
CREATE INDEX failures_counted ON failures(root_id) WHERE stage <> 'sniff';

-- How many pictures have a file, and how many of them a vector of each model: counted once, and kept right by the triggers.
DROP TABLE coverage;
CREATE TABLE totals (pictures INTEGER NOT NULL);
INSERT INTO totals SELECT count(DISTINCT picture_id) FROM files;
CREATE TABLE coverage (
  model_id INTEGER PRIMARY KEY REFERENCES models(id) ON DELETE CASCADE,
  embedded INTEGER NOT NULL
);
INSERT INTO coverage(model_id, embedded) SELECT m.id,
  (SELECT count(DISTINCT picture_id) FROM embeddings e WHERE e.model_id = m.id AND EXISTS (SELECT 1 FROM files f WHERE f.picture_id = e.picture_id)) FROM models m;

CREATE TRIGGER model_added AFTER INSERT ON models BEGIN
  INSERT INTO coverage(model_id, embedded) VALUES (NEW.id, 0);
END;
CREATE TRIGGER file_added AFTER INSERT ON files BEGIN
  UPDATE roots SET files = files + 1, bytes = bytes + NEW.size WHERE id = NEW.root_id;
END;
CREATE TRIGGER file_gone AFTER DELETE ON files BEGIN
  UPDATE roots SET files = files - 1, bytes = bytes - OLD.size WHERE id = OLD.root_id;
END;
CREATE TRIGGER file_changed AFTER UPDATE OF root_id, size ON files WHEN OLD.root_id <> NEW.root_id OR OLD.size <> NEW.size BEGIN
  UPDATE roots SET files = files - 1, bytes = bytes - OLD.size WHERE id = OLD.root_id;
  UPDATE roots SET files = files + 1, bytes = bytes + NEW.size WHERE id = NEW.root_id;
END;
CREATE TRIGGER picture_came AFTER INSERT ON files
WHEN NOT EXISTS (SELECT 1 FROM files WHERE picture_id = NEW.picture_id AND id <> NEW.id) BEGIN
  UPDATE totals SET pictures = pictures + 1;
  UPDATE coverage SET embedded = embedded + 1
    WHERE EXISTS (SELECT 1 FROM embeddings e WHERE e.model_id = coverage.model_id AND e.picture_id = NEW.picture_id);
END;
CREATE TRIGGER picture_went AFTER DELETE ON files
WHEN NOT EXISTS (SELECT 1 FROM files WHERE picture_id = OLD.picture_id) BEGIN
  UPDATE totals SET pictures = pictures - 1;
  UPDATE coverage SET embedded = embedded - 1
    WHERE EXISTS (SELECT 1 FROM embeddings e WHERE e.model_id = coverage.model_id AND e.picture_id = OLD.picture_id);
END;
CREATE TRIGGER picture_left AFTER UPDATE OF picture_id ON files
WHEN OLD.picture_id <> NEW.picture_id AND NOT EXISTS (SELECT 1 FROM files WHERE picture_id = OLD.picture_id) BEGIN
  UPDATE totals SET pictures = pictures - 1;
  UPDATE coverage SET embedded = embedded - 1
    WHERE EXISTS (SELECT 1 FROM embeddings e WHERE e.model_id = coverage.model_id AND e.picture_id = OLD.picture_id);
END;
CREATE TRIGGER picture_joined AFTER UPDATE OF picture_id ON files
WHEN OLD.picture_id <> NEW.picture_id AND NOT EXISTS (SELECT 1 FROM files WHERE picture_id = NEW.picture_id AND id <> NEW.id) BEGIN
  UPDATE totals SET pictures = pictures + 1;
  UPDATE coverage SET embedded = embedded + 1
    WHERE EXISTS (SELECT 1 FROM embeddings e WHERE e.model_id = coverage.model_id AND e.picture_id = NEW.picture_id);
END;
CREATE TRIGGER vector_added AFTER INSERT ON embeddings
WHEN EXISTS (SELECT 1 FROM files WHERE picture_id = NEW.picture_id)
  AND NOT EXISTS (SELECT 1 FROM embeddings WHERE model_id = NEW.model_id AND picture_id = NEW.picture_id AND seq <> NEW.seq) BEGIN
  UPDATE coverage SET embedded = embedded + 1 WHERE model_id = NEW.model_id;
END;
CREATE TRIGGER vector_gone AFTER DELETE ON embeddings
WHEN EXISTS (SELECT 1 FROM files WHERE picture_id = OLD.picture_id)
  AND NOT EXISTS (SELECT 1 FROM embeddings WHERE model_id = OLD.model_id AND picture_id = OLD.picture_id) BEGIN
  UPDATE coverage SET embedded = embedded - 1 WHERE model_id = OLD.model_id;
END;
