-- Paths are BLOBs: the bytes of the file system, whether UTF-8 or not. Times are Unix seconds, mtimes nanoseconds.

CREATE TABLE meta (
  key   TEXT PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID;

-- The folders given to index. A folder that is only the home of single files that were named outright is not walked.
CREATE TABLE roots (
  id       INTEGER PRIMARY KEY,
  path     BLOB    NOT NULL UNIQUE,
  walked   INTEGER NOT NULL,
  added_at INTEGER NOT NULL
);

-- One row a distinct picture.
CREATE TABLE contents (
  id          INTEGER PRIMARY KEY,
  sha256      BLOB    NOT NULL UNIQUE, -- of what makes the picture: decode.Identity
  format      TEXT    NOT NULL,
  width       INTEGER NOT NULL,        -- upright, in pixels
  height      INTEGER NOT NULL,
  orientation INTEGER NOT NULL,        -- EXIF's 1 to 8
  taken_at    TEXT,                    -- RFC 3339, local; the zone only where EXIF has it
  camera      TEXT,
  latitude    REAL,
  longitude   REAL,
  orphaned_at INTEGER                  -- when its last file went; NULL while it has one
);
CREATE INDEX contents_orphaned ON contents(orphaned_at) WHERE orphaned_at IS NOT NULL;

-- One row a file, relative to its root: dir with slashes ('' for the root itself), and the name in it.
CREATE TABLE files (
  id         INTEGER PRIMARY KEY,
  root_id    INTEGER NOT NULL REFERENCES roots(id) ON DELETE CASCADE,
  dir        BLOB    NOT NULL,
  name       BLOB    NOT NULL,
  size       INTEGER NOT NULL,
  mtime_ns   INTEGER NOT NULL,
  device     INTEGER NOT NULL,         -- of the file system, when the file was last read
  content_id INTEGER NOT NULL REFERENCES contents(id),
  gone_run   INTEGER,                  -- the last run in which it was seen gone, and kept
  UNIQUE (root_id, dir, name)
);
CREATE INDEX files_content ON files(content_id);

-- A model identity: what decides the numbers in a vector.
CREATE TABLE models (
  id         INTEGER PRIMARY KEY,
  identity   TEXT    NOT NULL UNIQUE,
  name       TEXT    NOT NULL,
  ref        TEXT    NOT NULL,         -- what --model takes to find it again
  dim        INTEGER NOT NULL,
  precision  TEXT    NOT NULL,
  created_at INTEGER NOT NULL
);

-- dim half-precision numbers, little-endian, L2-normalised.
CREATE TABLE embeddings (
  model_id   INTEGER NOT NULL REFERENCES models(id) ON DELETE CASCADE,
  content_id INTEGER NOT NULL REFERENCES contents(id) ON DELETE CASCADE,
  vector     BLOB    NOT NULL,
  PRIMARY KEY (model_id, content_id)
) WITHOUT ROWID;
CREATE INDEX embeddings_content ON embeddings(content_id);

-- Files whose own bytes are to blame: not tried again until the file or the decoder changes. Stage 'sniff' are
-- bystanders (no pictures, formats not read), which are no failures.
CREATE TABLE failures (
  root_id   INTEGER NOT NULL REFERENCES roots(id) ON DELETE CASCADE,
  dir       BLOB    NOT NULL,
  name      BLOB    NOT NULL,
  size      INTEGER NOT NULL,
  mtime_ns  INTEGER NOT NULL,
  stage     TEXT    NOT NULL,
  reason    TEXT    NOT NULL,
  decoder   INTEGER NOT NULL,
  failed_at INTEGER NOT NULL,
  PRIMARY KEY (root_id, dir, name)
) WITHOUT ROWID;

-- Files that were being decoded when a run died: decoded alone, last, next time.
CREATE TABLE suspects (
  root_id INTEGER NOT NULL REFERENCES roots(id) ON DELETE CASCADE,
  dir     BLOB    NOT NULL,
  name    BLOB    NOT NULL,
  PRIMARY KEY (root_id, dir, name)
) WITHOUT ROWID;

CREATE TABLE runs (
  id         INTEGER PRIMARY KEY,
  started_at INTEGER NOT NULL,
  ended_at   INTEGER,                  -- NULL: running, or died
  complete   INTEGER NOT NULL DEFAULT 0,
  model_id   INTEGER REFERENCES models(id) ON DELETE SET NULL,
  provider   TEXT,
  embedded   INTEGER NOT NULL DEFAULT 0,
  summary    TEXT                      -- the run's JSON summary
);
