package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/imgsearch/imgsearch/index/internal/column"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/vec"
)

// pending is what a transaction has put but not written yet.
type pending struct {
	pictures []store.Picture
	files    []store.FileRecord
	places   map[store.Place]bool
	vectors  map[string][]store.Vector
	previews map[store.PictureID][]byte
	texts    map[store.PictureID]store.Text
}

// errNoPicture means that a file, vector or preview was added before its picture.
var errNoPicture = errors.New("the picture is not in the index")

func (p *pending) isEmpty() bool {
	return len(p.pictures)+len(p.files)+len(p.vectors)+len(p.previews)+len(p.texts) == 0
}

// flush writes what is pending.
func (t *tx) flush(ctx context.Context) error {
	if err := t.start(ctx); err != nil {
		return err
	}
	if t.pending.isEmpty() {
		return nil
	}
	p := t.pending
	t.pending = pending{}
	added, err := t.flushPictures(ctx, p.pictures, p.files)
	if err != nil {
		return err
	}
	if err := t.findPictures(ctx, p); err != nil {
		return err
	}
	if err := inChunks(p.files, func(chunk []store.FileRecord) error { return t.flushFiles(ctx, chunk, added) }); err != nil {
		return err
	}
	for model, vectors := range p.vectors {
		if err := inChunks(vectors, func(chunk []store.Vector) error { return t.flushVectors(ctx, model, chunk) }); err != nil {
			return err
		}
	}
	if err := t.flushPreviews(ctx, p.previews); err != nil {
		return err
	}
	return t.flushTexts(ctx, p.texts)
}

// flushPictures adds pictures. New ones get the metadata of their pending files at once, which most pictures have: these, which it returns, need not be
// derived at the commit.
func (t *tx) flushPictures(ctx context.Context, list []store.Picture, files []store.FileRecord) (added map[int64]bool, err error) {
	if len(list) == 0 {
		return nil, nil //nolint:nilnil // an empty map
	}
	of := make(map[store.PictureID][]store.FileRecord, len(list))
	for _, f := range files {
		of[f.Picture] = append(of[f.Picture], f)
	}
	added = make(map[int64]bool, len(list))
	err = inChunks(list, func(chunk []store.Picture) error { return t.insertPictures(ctx, chunk, of, added) })
	maps.Copy(t.fresh, added)
	return added, err
}

func (t *tx) insertPictures(ctx context.Context, list []store.Picture, of map[store.PictureID][]store.FileRecord, added map[int64]bool) error {
	n := len(list)
	shas, formats, widths, heights, orientations := make([][]byte, n), make([]string, n), make([]int32, n), make([]int32, n), make([]int16, n)
	orphaned, found, derived := make([]*int64, n), make([]*int32, n), make([]store.Metadata, n)
	var wanted []column.Word
	now := time.Now().Unix()
	for i, p := range list {
		shas[i], formats[i], widths[i], heights[i], orientations[i] = p.ID[:], p.Format, int32(p.Width), int32(p.Height), int16(p.Orientation)
		if len(of[p.ID]) == 0 {
			orphaned[i] = &now
			continue
		}
		derived[i] = store.Derive(of[p.ID])
		found[i] = placeOf(derived[i].Position)
		words := wordsOf(derived[i])
		wanted = append(wanted, words[:]...)
	}
	if err := t.putWords(ctx, wanted); err != nil {
		return err
	}
	var c columns
	c.add("sha256", "bytea", shas)
	c.add("format", "text", formats)
	c.add("width", "integer", widths)
	c.add("height", "integer", heights)
	c.add("orientation", "smallint", orientations)
	c.add("orphaned_at", "bigint", orphaned)
	c.add("place", "integer", found)
	if err := t.addMetadata(&c, derived); err != nil {
		return err
	}
	return each(ctx, t.tx, "INSERT INTO pictures("+join(c.names)+") SELECT "+join(c.names)+" FROM "+c.table(0)+" ON CONFLICT DO NOTHING RETURNING id, sha256, orphaned_at IS NULL", func(scan scanFunc) error {
		var row int64
		var sha []byte
		var derived bool
		if err := scan(&row, &sha, &derived); err != nil {
			return err
		}
		id, err := column.PictureID(sha)
		t.pictures[id] = row
		if derived {
			added[row] = true
		}
		return err
	}, c.values...)
}

// findPictures looks up the row ids of the pictures that pending files, vectors, previews and texts belong to.
func (t *tx) findPictures(ctx context.Context, p pending) error {
	var unknown [][]byte
	seen := make(map[store.PictureID]bool)
	need := func(id store.PictureID) {
		if t.pictures[id] == 0 && !seen[id] {
			seen[id] = true
			unknown = append(unknown, id[:])
		}
	}
	for _, f := range p.files {
		need(f.Picture)
	}
	for _, list := range p.vectors {
		for _, v := range list {
			need(v.Picture)
		}
	}
	for id := range p.previews {
		need(id)
	}
	for id := range p.texts {
		need(id)
	}
	for _, picture := range p.pictures {
		need(picture.ID)
	}
	if err := inChunks(unknown, func(chunk [][]byte) error {
		return each(ctx, t.tx, "SELECT id, sha256 FROM pictures WHERE sha256 = ANY($1)", func(scan scanFunc) error {
			var row int64
			var sha []byte
			if err := scan(&row, &sha); err != nil {
				return err
			}
			id, err := column.PictureID(sha)
			t.pictures[id] = row
			delete(seen, id)
			return err
		}, chunk)
	}); err != nil {
		return err
	}
	for id := range seen {
		return fmt.Errorf("write the index: %w: %s", errNoPicture, id)
	}
	return nil
}

// flushFiles writes files. The metadata of the added pictures includes that of these files.
func (t *tx) flushFiles(ctx context.Context, list []store.FileRecord, added map[int64]bool) error {
	c, places, err := t.fileTable(ctx, list)
	if err != nil {
		return err
	}
	roots, dirs, names := placeColumns(places)
	if err := each(ctx, t.tx, wantedPlaces+"SELECT w.root_id, f.picture_id, f.size FROM wanted w JOIN files f ON f.folder_id = w.folder_id AND f.name = w.name", func(scan scanFunc) error {
		var root int32
		var picture, size int64
		err := scan(&root, &picture, &size)
		t.dirty[picture] = true
		t.count(root, -1, -size)
		return err
	}, roots, dirs, names); err != nil {
		return err
	}
	if err := t.exec(ctx, "INSERT INTO files("+join(c.names)+") SELECT "+join(c.names)+" FROM "+c.table(0)+" ON CONFLICT (folder_id, name) DO UPDATE SET "+c.excluded(), c.values...); err != nil {
		return err
	}
	for _, f := range list {
		if id := t.pictures[f.Picture]; !added[id] {
			t.dirty[id] = true
		}
		t.count(t.roots[f.Root], 1, f.Size)
	}
	return t.exec(ctx, wantedPlaces+"DELETE FROM failures x USING wanted w WHERE x.folder_id = w.folder_id AND x.name = w.name", roots, dirs, names)
}

// fileTable returns the rows of files, whose folders and words it makes.
func (t *tx) fileTable(ctx context.Context, list []store.FileRecord) (c columns, places []store.Place, err error) {
	n := len(list)
	var wanted []column.Word
	metadata, said := make([]store.Metadata, n), make([]store.File, n)
	for i, f := range list {
		words := wordsOf(f.Metadata)
		wanted = append(wanted, words[:]...)
		places, metadata[i], said[i] = append(places, f.Place), f.Metadata, f.File
	}
	if err := t.makeFolders(ctx, places); err != nil {
		return c, nil, err
	}
	if err := t.putWords(ctx, wanted); err != nil {
		return c, nil, err
	}
	folders, names, folded, sizes, times := make([]int64, n), make([][]byte, n), make([]string, n), make([]int64, n), make([]int64, n)
	disks, pictures, formats := make([]int32, n), make([]int64, n), make([]string, n)
	for i, f := range list {
		folders[i], names[i], folded[i], sizes[i], times[i] = t.folder(f.Place), []byte(f.Name), subject(f.Name), f.Size, f.MTimeNS
		pictures[i], formats[i] = t.pictures[f.Picture], f.Format
		if disks[i], err = t.diskNumber(ctx, t.roots[f.Root], f.Device); err != nil {
			return c, nil, err
		}
	}
	c.add("folder_id", "bigint", folders)
	c.add("name", "bytea", names)
	c.add("folded", "text", folded)
	c.add("size", "bigint", sizes)
	c.add("mtime_ns", "bigint", times)
	c.add("disk_id", "integer", disks)
	c.add("picture_id", "bigint", pictures)
	c.add("format", "text", formats)
	addSays(&c, said)
	return c, places, t.addMetadata(&c, metadata)
}

// flushVectors writes a model's vectors. Of several for the same moment, the last one counts.
func (t *tx) flushVectors(ctx context.Context, identity string, list []store.Vector) error {
	m, err := t.model(ctx, identity)
	if err != nil {
		return err
	}
	changes := t.vectors[m.id]
	if changes == nil {
		changes = &vectorChanges{sum: make([]float64, m.dim), fresh: make(map[int64]bool)}
		t.vectors[m.id] = changes
	}
	type key struct {
		picture int64
		moment  int32
	}
	last := make(map[key]int, len(list))
	for i, v := range list {
		if len(v.Data) != 2*int(m.dim) {
			return fmt.Errorf("write the index: a vector has %d dimensions, but its model has %d", len(v.Data)/2, m.dim)
		}
		last[key{t.pictures[v.Picture], int32(v.Number)}] = i
	}
	var pictures []int64
	var moments []int32
	var times []*int64
	var data []packed
	for i, v := range list {
		k := key{t.pictures[v.Picture], int32(v.Number)}
		if last[k] != i {
			continue
		}
		var ms *int64
		if v.Time != nil {
			ms = new(v.Time.Milliseconds())
		}
		pictures, moments, times, data = append(pictures, k.picture), append(moments, k.moment), append(times, ms), append(data, packed(v.Data))
	}
	had := make(map[int64]bool)
	if err := each(ctx, t.tx, "SELECT picture_id, moment, v FROM vectors WHERE model_id = $1 AND picture_id = ANY($2)", func(scan scanFunc) error {
		var k key
		var old packed
		err := scan(&k.picture, &k.moment, &old)
		had[k.picture] = true
		if _, again := last[k]; again && err == nil {
			changes.add(old, -1)
		}
		return err
	}, m.id, pictures); err != nil {
		return err
	}
	for i, picture := range pictures {
		if !had[picture] {
			changes.fresh[picture] = true
		}
		changes.add(data[i], 1)
	}
	// A vector in place of an earlier one gets a new number, since what was computed from the earlier one is wrong.
	return t.exec(ctx, `INSERT INTO vectors(model_id, picture_id, moment, moment_ms, v) SELECT $1, n.picture_id, n.moment, n.moment_ms, n.v
		FROM unnest($2::bigint[], $3::integer[], $4::bigint[], $5::halfvec[]) WITH ORDINALITY AS n(picture_id, moment, moment_ms, v, nr) ORDER BY n.nr
		ON CONFLICT (model_id, picture_id, moment) DO UPDATE SET v = excluded.v, moment_ms = excluded.moment_ms, seq = excluded.seq`, m.id, pictures, moments, times, data)
}

// add adds a vector to the sums, or subtracts it.
func (c *vectorChanges) add(v packed, sign int) {
	c.count += int64(sign)
	for i, x := range vec.Unpack(v) {
		c.sum[i] += float64(sign) * float64(x)
	}
}

func (t *tx) flushPreviews(ctx context.Context, list map[store.PictureID][]byte) error {
	var pictures []int64
	var jpegs [][]byte
	for id, jpeg := range list {
		pictures, jpegs = append(pictures, t.pictures[id]), append(jpegs, jpeg)
	}
	if len(pictures) == 0 {
		return nil
	}
	return t.exec(ctx, "INSERT INTO previews(picture_id, jpeg) SELECT n.picture_id, n.jpeg FROM unnest($1::bigint[], $2::bytea[]) AS n(picture_id, jpeg) ON CONFLICT (picture_id) DO UPDATE SET jpeg = excluded.jpeg", pictures, jpegs)
}

func (t *tx) flushTexts(ctx context.Context, list map[store.PictureID]store.Text) error {
	if len(list) == 0 {
		return nil
	}
	var pictures []int64
	var models []string
	var texts, folded, squeezed []*string
	for id, text := range list {
		pictures, models = append(pictures, t.pictures[id]), append(models, text.Model)
		var data, all, tight *string
		if len(text.Lines) > 0 {
			raw, err := json.Marshal(text.Lines)
			if err != nil {
				return fmt.Errorf("write the index: %w", err)
			}
			// JSON escapes the character 0, which jsonb would not take, so the column is text.
			data, all = new(string(raw)), new(plain(text.Folded()))
			tight = new(store.Squeeze(*all))
		}
		texts, folded, squeezed = append(texts, data), append(folded, all), append(squeezed, tight)
	}
	if err := t.exec(ctx, "INSERT INTO text_models(identity) SELECT DISTINCT m FROM unnest($1::text[]) AS m ON CONFLICT DO NOTHING", models); err != nil {
		return err
	}
	return t.exec(ctx, `INSERT INTO texts(picture_id, model_id, lines, folded, squeezed) SELECT n.picture_id, m.id, n.lines, n.folded, n.squeezed
		FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::text[]) AS n(picture_id, model, lines, folded, squeezed) JOIN text_models m ON m.identity = n.model
		ON CONFLICT (picture_id) DO UPDATE SET model_id = excluded.model_id, lines = excluded.lines, folded = excluded.folded, squeezed = excluded.squeezed`,
		pictures, models, texts, folded, squeezed)
}
