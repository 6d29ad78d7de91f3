-- Vectors get numbers, in the order in which they came: what was added since is found by them.
CREATE TABLE numbered (
  seq        INTEGER PRIMARY KEY AUTOINCREMENT,
  model_id   INTEGER NOT NULL REFERENCES models(id) ON DELETE CASCADE,
  content_id INTEGER NOT NULL REFERENCES contents(id) ON DELETE CASCADE,
  vector     BLOB    NOT NULL            -- dim half-precision numbers, little-endian, L2-normalised
);
INSERT INTO numbered(model_id, content_id, vector) SELECT model_id, content_id, vector FROM embeddings ORDER BY model_id, content_id;
DROP TABLE embeddings;
ALTER TABLE numbered RENAME TO embeddings;
CREATE UNIQUE INDEX embeddings_model ON embeddings(model_id, content_id);
CREATE INDEX embeddings_content ON embeddings(content_id);

-- The file of a model's vectors beside the index (index/flat), as it was when it was written last.
CREATE TABLE flat_files (
  model_id INTEGER PRIMARY KEY REFERENCES models(id) ON DELETE CASCADE,
  token    INTEGER NOT NULL,
  seq      INTEGER NOT NULL,
  rows     INTEGER NOT NULL
);

-- Queries that were asked before: white space collapsed, vector as in embeddings.
CREATE TABLE queries (
  id       INTEGER PRIMARY KEY,
  model_id INTEGER NOT NULL REFERENCES models(id) ON DELETE CASCADE,
  text     TEXT    NOT NULL,
  vector   BLOB    NOT NULL,             -- dim single-precision numbers, little-endian
  UNIQUE (model_id, text)
);

-- How many pictures have a file, and how many of them a vector of each model: counted once, and kept right by the triggers.
CREATE TABLE coverage (
  model_id INTEGER PRIMARY KEY REFERENCES models(id) ON DELETE CASCADE,
  pictures INTEGER NOT NULL,
  embedded INTEGER NOT NULL
);
INSERT INTO coverage(model_id, pictures, embedded) SELECT m.id, (SELECT count(DISTINCT content_id) FROM files),
  (SELECT count(*) FROM embeddings e WHERE e.model_id = m.id AND EXISTS (SELECT 1 FROM files f WHERE f.content_id = e.content_id)) FROM models m;

CREATE TRIGGER coverage_model_added AFTER INSERT ON models BEGIN
  INSERT INTO coverage(model_id, pictures, embedded) VALUES (NEW.id, (SELECT count(DISTINCT content_id) FROM files), 0);
END;
CREATE TRIGGER coverage_file_added AFTER INSERT ON files
WHEN NOT EXISTS (SELECT 1 FROM files WHERE content_id = NEW.content_id AND id <> NEW.id) BEGIN
  UPDATE coverage SET pictures = pictures + 1,
    embedded = embedded + EXISTS (SELECT 1 FROM embeddings e WHERE e.model_id = coverage.model_id AND e.content_id = NEW.content_id);
END;
CREATE TRIGGER coverage_file_gone AFTER DELETE ON files
WHEN NOT EXISTS (SELECT 1 FROM files WHERE content_id = OLD.content_id) BEGIN
  UPDATE coverage SET pictures = pictures - 1,
    embedded = embedded - EXISTS (SELECT 1 FROM embeddings e WHERE e.model_id = coverage.model_id AND e.content_id = OLD.content_id);
END;
CREATE TRIGGER coverage_file_left AFTER UPDATE OF content_id ON files
WHEN OLD.content_id <> NEW.content_id AND NOT EXISTS (SELECT 1 FROM files WHERE content_id = OLD.content_id) BEGIN
  UPDATE coverage SET pictures = pictures - 1,
    embedded = embedded - EXISTS (SELECT 1 FROM embeddings e WHERE e.model_id = coverage.model_id AND e.content_id = OLD.content_id);
END;
CREATE TRIGGER coverage_file_came AFTER UPDATE OF content_id ON files
WHEN OLD.content_id <> NEW.content_id AND NOT EXISTS (SELECT 1 FROM files WHERE content_id = NEW.content_id AND id <> NEW.id) BEGIN
  UPDATE coverage SET pictures = pictures + 1,
    embedded = embedded + EXISTS (SELECT 1 FROM embeddings e WHERE e.model_id = coverage.model_id AND e.content_id = NEW.content_id);
END;
CREATE TRIGGER coverage_vector_added AFTER INSERT ON embeddings
WHEN EXISTS (SELECT 1 FROM files WHERE content_id = NEW.content_id) BEGIN
  UPDATE coverage SET embedded = embedded + 1 WHERE model_id = NEW.model_id;
END;
CREATE TRIGGER coverage_vector_gone AFTER DELETE ON embeddings
WHEN EXISTS (SELECT 1 FROM files WHERE content_id = OLD.content_id) BEGIN
  UPDATE coverage SET embedded = embedded - 1 WHERE model_id = OLD.model_id;
END;
