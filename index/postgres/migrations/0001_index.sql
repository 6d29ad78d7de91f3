-- The index of many machines. Paths, file names and sidecars are bytea: file systems allow any bytes. Times are Unix seconds, where nothing else is said.
CREATE TABLE meta (
  key   text PRIMARY KEY,
  value text NOT NULL
);

-- vectors and sum are the number and the sum of the model's vectors (float8, in the order of the dimensions), embedded the number of pictures
-- with a file and a vector.
CREATE TABLE models (
  id          integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  identity    text    NOT NULL UNIQUE,
  name        text    NOT NULL,
  ref         text    NOT NULL,
  dim         integer NOT NULL,
  precision   text    NOT NULL,
  calibration text,
  created_at  bigint  NOT NULL,
  embedded    bigint  NOT NULL DEFAULT 0,
  vectors     bigint  NOT NULL DEFAULT 0,
  sum         float8[]
);

-- A root is one thing; each machine that sees it has a path to it.
CREATE TABLE roots (
  id       integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  uid      text    NOT NULL UNIQUE,
  name     text    UNIQUE, -- given by a user
  walked   boolean NOT NULL,
  added_at bigint  NOT NULL,
  files    bigint  NOT NULL DEFAULT 0,
  bytes    bigint  NOT NULL DEFAULT 0
);
CREATE TABLE mounts (
  root_id integer NOT NULL REFERENCES roots(id) ON DELETE CASCADE,
  host    text    NOT NULL,
  path    bytea   NOT NULL,
  PRIMARY KEY (root_id, host),
  UNIQUE (host, path)
);

-- A disk holds files of a root; each machine has its own number for it.
CREATE TABLE disks (
  id      integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  root_id integer NOT NULL REFERENCES roots(id) ON DELETE CASCADE
);
CREATE INDEX disks_root ON disks(root_id);
CREATE TABLE devices (
  disk_id integer NOT NULL REFERENCES disks(id) ON DELETE CASCADE,
  host    text    NOT NULL,
  device  bigint  NOT NULL, -- the bits of an unsigned number
  PRIMARY KEY (disk_id, host)
);

-- Names of cameras (kind 1) and lenses (2), sets of keywords (3) and of people (4), one a line. Rows are only added.
CREATE TABLE words (
  id     integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind   smallint NOT NULL,
  text   text     NOT NULL,
  digest bytea    NOT NULL, -- SHA-256 of the text, which may be longer than an index allows
  UNIQUE (kind, digest)
);

-- A picture and what its files say of it (store.Derive). orphaned_at is NULL if it has a file.
CREATE TABLE pictures (
  id           bigint   GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  sha256       bytea    NOT NULL UNIQUE,
  format       text     NOT NULL,
  width        integer  NOT NULL,
  height       integer  NOT NULL,
  orientation  smallint NOT NULL,
  orphaned_at  bigint,
  taken_at     text COLLATE "C", -- RFC 3339, local; the zone only where the file has it
  taken_source smallint NOT NULL DEFAULT 0,
  camera       integer, -- of words, as lens, keywords and people
  lens         integer,
  latitude     float8,
  longitude    float8,
  rating       smallint,
  keywords     integer,
  people       integer,
  boxes        text,
  description  text,
  place        integer -- GeoNames id
);
CREATE INDEX pictures_taken ON pictures(taken_at DESC NULLS LAST, id) WHERE orphaned_at IS NULL;
CREATE INDEX pictures_orphaned ON pictures(orphaned_at) WHERE orphaned_at IS NOT NULL;
CREATE INDEX pictures_camera ON pictures(camera) WHERE orphaned_at IS NULL;
CREATE INDEX pictures_lens ON pictures(lens) WHERE orphaned_at IS NULL;
CREATE INDEX pictures_place ON pictures(place) WHERE orphaned_at IS NULL;
CREATE INDEX pictures_latitude ON pictures(latitude) WHERE orphaned_at IS NULL AND latitude IS NOT NULL;

-- dir is relative to the root, with slashes; '' is the root itself. folded is what globs are matched with.
CREATE TABLE folders (
  id      bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  root_id integer NOT NULL REFERENCES roots(id) ON DELETE CASCADE,
  dir     bytea   NOT NULL,
  digest  bytea   NOT NULL GENERATED ALWAYS AS (sha256(dir)) STORED, -- an index does not allow the longest paths
  folded  text    NOT NULL,
  UNIQUE (root_id, digest)
);

CREATE TABLE files (
  id               bigint   GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  folder_id        bigint   NOT NULL REFERENCES folders(id) ON DELETE CASCADE,
  name             bytea    NOT NULL,
  folded           text     NOT NULL,
  size             bigint   NOT NULL,
  mtime_ns         bigint   NOT NULL,
  disk_id          integer  NOT NULL REFERENCES disks(id),
  picture_id       bigint   NOT NULL REFERENCES pictures(id),
  format           text     NOT NULL,
  meta             integer  NOT NULL,
  sidecar          bytea,
  sidecar_size     bigint   NOT NULL,
  sidecar_mtime_ns bigint   NOT NULL,
  twins            bytea, -- names, separated by '/'
  is_twin          boolean  NOT NULL,
  export           bytea,
  export_size      bigint   NOT NULL,
  export_mtime_ns  bigint   NOT NULL,
  taken_at         text COLLATE "C",
  taken_source     smallint NOT NULL,
  camera           integer,
  lens             integer,
  latitude         float8,
  longitude        float8,
  rating           smallint, -- NULL: nothing is said
  keywords         integer,
  people           integer,
  boxes            text,
  description      text,
  UNIQUE (folder_id, name)
);
CREATE INDEX files_picture ON files(picture_id);
CREATE INDEX files_disk ON files(disk_id);
CREATE INDEX files_rating ON files(rating) WHERE rating <> 0;
CREATE INDEX files_keywords ON files(keywords) WHERE keywords IS NOT NULL;
CREATE INDEX files_people ON files(people) WHERE people IS NOT NULL;

CREATE TABLE failures (
  folder_id bigint  NOT NULL REFERENCES folders(id) ON DELETE CASCADE,
  name      bytea   NOT NULL,
  size      bigint  NOT NULL,
  mtime_ns  bigint  NOT NULL,
  stage     text    NOT NULL,
  reason    text    NOT NULL,
  decoder   integer NOT NULL,
  failed_at bigint  NOT NULL,
  PRIMARY KEY (folder_id, name)
);
CREATE INDEX failures_counted ON failures(folder_id) WHERE stage <> 'sniff';

-- Files that were being read when a run crashed, on each machine.
CREATE TABLE suspects (
  host      text   NOT NULL,
  folder_id bigint NOT NULL REFERENCES folders(id) ON DELETE CASCADE,
  name      bytea  NOT NULL,
  PRIMARY KEY (host, folder_id, name)
);

-- Vectors in half precision, of any dimension: the indexes on a model's partitions cast them to its dimension. Those of a model are in order of seq,
-- since transactions write one after another. There is a partition for each model, divided by picture (partitions.go).
CREATE SEQUENCE vectors_seq;
CREATE TABLE vectors (
  model_id   integer NOT NULL,
  picture_id bigint  NOT NULL,
  moment     integer NOT NULL,
  moment_ms  bigint,
  seq        bigint  NOT NULL DEFAULT nextval('vectors_seq'),
  v          halfvec NOT NULL,
  PRIMARY KEY (model_id, picture_id, moment)
) PARTITION BY LIST (model_id);
CREATE INDEX vectors_order ON vectors(model_id, seq);

CREATE TABLE previews (
  picture_id bigint PRIMARY KEY REFERENCES pictures(id) ON DELETE CASCADE,
  jpeg       bytea  NOT NULL
);
ALTER TABLE previews ALTER COLUMN jpeg SET STORAGE EXTERNAL; -- it is compressed already

CREATE TABLE text_models (
  id       integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  identity text NOT NULL UNIQUE
);
-- lines (JSON), folded and squeezed (store.Text, store.Squeeze) are NULL if the picture has no text.
CREATE TABLE texts (
  picture_id bigint  PRIMARY KEY REFERENCES pictures(id) ON DELETE CASCADE,
  model_id   integer NOT NULL REFERENCES text_models(id),
  lines      text,
  folded     text,
  squeezed   text
);
-- The different runs of three characters in a text: a text that contains a phrase has all of the phrase's.
CREATE FUNCTION trigrams(squeezed text) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
  RETURN (SELECT array_agg(DISTINCT substr(squeezed, i, 3)) FROM generate_series(1, length(squeezed) - 2) AS i);
CREATE INDEX texts_trigrams ON texts USING gin (trigrams(squeezed)) WHERE squeezed IS NOT NULL;

CREATE TABLE labels (
  id     integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name   text  NOT NULL,
  vector bytea NOT NULL -- float32, little-endian
);
-- Without references: labels are compared while others write and delete pictures.
CREATE TABLE picture_labels (
  label_id   integer NOT NULL,
  picture_id bigint  NOT NULL,
  score      float4  NOT NULL,
  PRIMARY KEY (label_id, picture_id)
);
CREATE INDEX picture_labels_picture ON picture_labels(picture_id);

-- The vectors of texts that were searched for; digest is the SHA-256 of the text.
CREATE TABLE queries (
  id       bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  model_id integer NOT NULL REFERENCES models(id) ON DELETE CASCADE,
  digest   bytea   NOT NULL,
  text     text    NOT NULL,
  vector   bytea   NOT NULL, -- float32, little-endian
  UNIQUE (model_id, digest)
);

CREATE TABLE runs (
  id         bigint  GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  host       text    NOT NULL,
  model_id   integer REFERENCES models(id) ON DELETE SET NULL,
  started_at bigint  NOT NULL,
  ended_at   bigint,
  complete   boolean NOT NULL DEFAULT false,
  provider   text    NOT NULL DEFAULT '',
  embedded   integer NOT NULL DEFAULT 0,
  summary    text    NOT NULL DEFAULT ''
);

-- The great-circle distance in metres, as store.Metres computes it.
CREATE FUNCTION metres(lat1 float8, lon1 float8, lat2 float8, lon2 float8) RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT
  RETURN 2 * 6371008.8 * asin(sqrt(least(power(sin(radians(lat2 - lat1) / 2), 2)
    + cos(radians(lat1)) * cos(radians(lat2)) * power(sin(radians(lon2 - lon1) / 2), 2), 1)));

-- The number of pictures with a file.
INSERT INTO meta(key, value) VALUES ('pictures', '0');
