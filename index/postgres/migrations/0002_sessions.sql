-- Indexing sessions that workers share (package jobqueue). River's own tables are in this schema too; its migrations create them.

-- A worker holds an advisory lock with its id for as long as it lives. name is its name in River, roots are those that it sees now.
CREATE TABLE workers (
  id         integer     GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name       text        NOT NULL UNIQUE,
  host       text        NOT NULL,
  pid        integer     NOT NULL,
  version    text        NOT NULL,
  provider   text        NOT NULL,
  seconds    float8      NOT NULL, -- for the vector of a picture, as measured at its start
  roots      integer[]   NOT NULL DEFAULT '{}',
  reserve    boolean     NOT NULL, -- works only while no other worker does
  everything boolean     NOT NULL, -- takes all roots that its machine sees
  started_at timestamptz NOT NULL DEFAULT now()
);

-- A session brings the files below one folder of a root up to date. stage: walk, read, settle, settled, text. open is the number of its jobs that
-- have not ended, files that of the files found, done that of those that are read. claim is the attempt that walks or settles.
CREATE TABLE sessions (
  id         bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  root_id    integer     REFERENCES roots(id) ON DELETE SET NULL,
  start      bytea       NOT NULL,
  options    text        NOT NULL, -- JSON
  force      boolean     NOT NULL,
  priority   smallint    NOT NULL,
  state      text        NOT NULL DEFAULT 'queued',
  stage      text        NOT NULL DEFAULT 'walk',
  cancelling boolean     NOT NULL DEFAULT false,
  revision   bigint      NOT NULL DEFAULT 1,
  runs       integer     NOT NULL DEFAULT 0,
  open       integer     NOT NULL DEFAULT 1,
  claim      text        NOT NULL DEFAULT '',
  walker     text        NOT NULL DEFAULT '', -- the machine that has walked
  walked     boolean     NOT NULL DEFAULT false,
  found      bytea,                           -- index.Found
  files      integer     NOT NULL DEFAULT 0,
  done       integer     NOT NULL DEFAULT 0,
  texts      integer     NOT NULL DEFAULT 0,
  counts     text        NOT NULL DEFAULT '{}', -- index.Counts, without those of the walk
  walk       text        NOT NULL DEFAULT '{}', -- index.Counts of the walk
  seconds    float8      NOT NULL DEFAULT 0,    -- of the jobs that have read files
  failures   text        NOT NULL DEFAULT '[]',
  notices    text        NOT NULL DEFAULT '[]',
  waiting    text        NOT NULL DEFAULT '',
  error      text        NOT NULL DEFAULT '',   -- jobs.Fault
  providers  text[]      NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  started_at timestamptz,
  texts_at   timestamptz, -- when all files were read, and the texts were begun
  ended_at   timestamptz,
  changed_at timestamptz NOT NULL DEFAULT now()
);
-- A session that has begun to walk may not see what has changed since: another one waits for it.
CREATE INDEX sessions_open ON sessions(root_id) WHERE state IN ('queued', 'running');
CREATE UNIQUE INDEX sessions_one ON sessions(root_id, sha256(start), md5(options), force) WHERE state = 'queued' AND NOT cancelling;

-- The files that a job reads, or the pictures whose texts it reads, until it has ended. done are the numbers of those that are committed; claim is the
-- attempt that works on it.
CREATE TABLE batches (
  id         bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  session_id bigint  NOT NULL REFERENCES sessions(id) ON DELETE CASCADE,
  kind       text    NOT NULL,
  files      integer NOT NULL,
  content    bytea   NOT NULL,
  own        boolean NOT NULL DEFAULT false, -- only for the machine that has walked
  done       integer[] NOT NULL DEFAULT '{}',
  claim      text    NOT NULL DEFAULT ''
);
CREATE INDEX batches_session ON batches(session_id);
ALTER TABLE batches ALTER COLUMN content SET STORAGE EXTERNAL;
