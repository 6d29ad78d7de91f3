-- Words that pictures were compared with. The state of the comparison is in meta: labels (JSON, sqlite.labelState).
CREATE TABLE labels (
  id       INTEGER PRIMARY KEY,
  name     TEXT NOT NULL UNIQUE,
  vector   BLOB NOT NULL, -- of the word: packQuery
  pictures BLOB NOT NULL  -- those that deserve it, with their scores: packLabelled. As rows of a table, they take ten times as long to write.
);
