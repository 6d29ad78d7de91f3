-- The text in pictures. A text model has an identity, as an embedding model does.
CREATE TABLE text_models (
  id       INTEGER PRIMARY KEY,
  identity TEXT NOT NULL UNIQUE
);

-- One row per picture that a text model has read. lines (JSON, store.TextLine) and folded (store.Text.Folded) are NULL if it has no text.
CREATE TABLE texts (
  picture_id INTEGER PRIMARY KEY REFERENCES pictures(id) ON DELETE CASCADE,
  model_id   INTEGER NOT NULL REFERENCES text_models(id),
  lines      TEXT,
  folded     TEXT
);

-- The trigrams of the squeezed texts: all of a phrase's trigrams are in the texts that contain it. rowid is texts.picture_id.
CREATE VIRTUAL TABLE text_trigrams USING fts5(squeezed, content='', contentless_delete=1, detail=none, tokenize='trigram case_sensitive 1');

CREATE TRIGGER text_gone AFTER DELETE ON texts WHEN OLD.folded IS NOT NULL BEGIN
  DELETE FROM text_trigrams WHERE rowid = OLD.picture_id;
END;
