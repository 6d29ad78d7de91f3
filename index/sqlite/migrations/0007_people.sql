-- The people named in a file, one a line (words of kind 4), their boxes (JSON: [x, y, width, height] of each, as fractions), and what the owner wrote
-- about the picture. place is GeoNames' id of the place at the position; NULL if none is near.
ALTER TABLE files ADD COLUMN people INTEGER;
ALTER TABLE files ADD COLUMN boxes TEXT;
ALTER TABLE files ADD COLUMN description TEXT;
ALTER TABLE pictures ADD COLUMN people INTEGER;
ALTER TABLE pictures ADD COLUMN boxes TEXT;
ALTER TABLE pictures ADD COLUMN description TEXT;
ALTER TABLE pictures ADD COLUMN place INTEGER;
UPDATE pictures SET place = nullif(imgsearch_place(latitude, longitude), 0) WHERE latitude IS NOT NULL AND longitude IS NOT NULL;
INSERT INTO meta(key, value) VALUES ('gazetteer', imgsearch_gazetteer());
