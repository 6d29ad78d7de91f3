package postgres

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/imgsearch/imgsearch/index/internal/column"
	"github.com/imgsearch/imgsearch/index/store"
)

// tx is a transaction. What it puts is kept until something needs it in the database, and then written by few statements: only then does the
// transaction begin in the database and wait for its turn to write. It must not be used concurrently.
type tx struct {
	s       *Store
	tx      pgx.Tx // nil before the first flush
	ended   bool
	pending pending
	roots   map[store.RootID]int32
	folders map[folderKey]int64
	words   map[column.Word]int32
	disks   map[rootDevice]int32
	models  map[string]modelRow
	// pictures are the row ids of the pictures that are known to be in the index; 0: it will be after the next flush.
	pictures map[store.PictureID]int64
	// dirty are the pictures whose files have changed, fresh those that were added with the metadata of their files.
	dirty, fresh map[int64]bool
	// counts are the changes of the roots' counts.
	counts map[int32]rootCount
	// vectors are the changes of the models' vectors.
	vectors map[int32]*vectorChanges
}

type folderKey struct {
	root int32
	dir  string
}

type rootCount struct{ files, bytes int64 }

// vectorChanges are the changes of a model's vectors in a transaction.
type vectorChanges struct {
	// count and sum are what is added to the number and the sum of the vectors.
	count int64
	sum   []float64
	// fresh are the pictures that had no vector before.
	fresh map[int64]bool
}

// Begin starts a write transaction.
func (s *Store) Begin(context.Context) (store.Tx, error) { return s.begin(), nil }

func (s *Store) begin() *tx {
	return &tx{
		s: s, roots: make(map[store.RootID]int32), folders: make(map[folderKey]int64), words: make(map[column.Word]int32), disks: make(map[rootDevice]int32), models: make(map[string]modelRow),
		pictures: make(map[store.PictureID]int64), dirty: make(map[int64]bool), fresh: make(map[int64]bool), counts: make(map[int32]rootCount), vectors: make(map[int32]*vectorChanges),
	}
}

// inTx runs work in a transaction that has its turn to write.
func (s *Store) inTx(ctx context.Context, work func(*tx) error) error {
	t := s.begin()
	defer t.Rollback()
	if err := t.start(ctx); err != nil {
		return err
	}
	if err := work(t); err != nil {
		return err
	}
	return t.Commit(ctx)
}

// start begins the transaction in the database and waits for its turn to write.
func (t *tx) start(ctx context.Context) (err error) {
	if t.tx != nil {
		return nil
	}
	select {
	case t.s.writing <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := t.begin(ctx); err != nil {
		t.end()
		return fmt.Errorf("write the index: %w", explain(err))
	}
	// What was read before may have changed while others wrote.
	clear(t.roots)
	maps.DeleteFunc(t.pictures, func(_ store.PictureID, row int64) bool { return row != 0 })
	return nil
}

// idleLimit ends a transaction whose process has been stopped, and would keep all machines from writing.
const idleLimit = "60s"

func (t *tx) begin(ctx context.Context) error {
	if err := t.s.checkLocks(ctx); err != nil {
		return err
	}
	tx, err := t.s.db.Begin(ctx)
	if err != nil {
		return err
	}
	t.tx = tx
	if _, err := tx.Exec(ctx, "SELECT set_config('idle_in_transaction_session_timeout', $1, true)", idleLimit); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, "SELECT pg_advisory_xact_lock($1, $2)", lockClass, writeLock)
	return err
}

// end ends the transaction in the database, without a commit if there was none, and lets others write.
func (t *tx) end() {
	if t.ended {
		return
	}
	t.ended = true
	if t.tx != nil {
		_ = t.tx.Rollback(context.Background()) // does nothing after Commit
	}
	<-t.s.writing
}

func (t *tx) exec(ctx context.Context, query string, args ...any) error {
	if _, err := t.tx.Exec(ctx, query, args...); err != nil {
		return fmt.Errorf("write the index: %w", explain(err))
	}
	return nil
}

// reader is where committed data, and the transaction's own if it has begun, is read.
func (t *tx) reader() querier {
	if t.tx != nil {
		return t.tx
	}
	return t.s.db
}

// Commit updates the pictures' derived metadata and the counts, and makes the transaction durable.
func (t *tx) Commit(ctx context.Context) error {
	if t.tx == nil && t.pending.isEmpty() {
		return nil
	}
	defer t.Rollback() // whatever fails, others can write now
	if err := t.flush(ctx); err != nil {
		return err
	}
	if err := t.settle(ctx); err != nil {
		return err
	}
	if err := t.tx.Commit(ctx); err != nil {
		return fmt.Errorf("write the index: %w", explain(err))
	}
	return nil
}

// Rollback discards uncommitted changes; after Commit it does nothing.
func (t *tx) Rollback() {
	t.pending = pending{}
	if t.tx != nil {
		t.end()
	}
}

// rootNumber returns the row id of a root. If there is no such root, the error is ErrNoRoot.
func (t *tx) rootNumber(ctx context.Context, root store.RootID) (int32, error) {
	if id, ok := t.roots[root]; ok {
		return id, nil
	}
	id, ok, err := value[int32](ctx, t.reader(), "SELECT id FROM roots WHERE uid = $1", string(root))
	if err == nil && !ok {
		err = fmt.Errorf("root %q is %w", root, store.ErrNoRoot)
	}
	if err != nil {
		return 0, err
	}
	t.roots[root] = id
	return id, nil
}

// model returns a model that the index has.
func (t *tx) model(ctx context.Context, identity string) (modelRow, error) {
	if m, ok := t.models[identity]; ok {
		return m, nil
	}
	m, err := modelOf(ctx, t.reader(), identity)
	if err == nil && m.id == 0 {
		err = fmt.Errorf("write the index: %w: %s", store.ErrUnknownModel, identity)
	}
	if err != nil {
		return m, err
	}
	t.models[identity] = m
	return m, nil
}

// makeFolders adds the folders of places that the index does not have, and looks up the row ids of all.
func (t *tx) makeFolders(ctx context.Context, places []store.Place) error {
	var roots []int32
	var dirs [][]byte
	var folded []string
	seen := make(map[folderKey]bool)
	for _, p := range places {
		root, err := t.rootNumber(ctx, p.Root)
		if err != nil {
			return err
		}
		key := folderKey{root, p.Dir}
		if _, known := t.folders[key]; known || seen[key] {
			continue
		}
		seen[key] = true
		roots, dirs, folded = append(roots, root), append(dirs, []byte(p.Dir)), append(folded, subject(p.Dir))
	}
	if len(roots) == 0 {
		return nil
	}
	if err := t.exec(ctx, "INSERT INTO folders(root_id, dir, folded) SELECT n.root_id, n.dir, n.folded FROM unnest($1::integer[], $2::bytea[], $3::text[]) AS n(root_id, dir, folded) ON CONFLICT DO NOTHING",
		roots, dirs, folded); err != nil {
		return err
	}
	return each(ctx, t.tx, "SELECT d.id, d.root_id, d.dir FROM unnest($1::integer[], $2::bytea[]) AS n(root_id, dir) JOIN folders d ON d.root_id = n.root_id AND d.digest = sha256(n.dir)", func(scan scanFunc) error {
		var id int64
		var key folderKey
		var dir []byte
		err := scan(&id, &key.root, &dir)
		key.dir = string(dir)
		t.folders[key] = id
		return err
	}, roots, dirs)
}

// folder returns the row id of a place's folder, which makeFolders has looked up.
func (t *tx) folder(p store.Place) int64 { return t.folders[folderKey{t.roots[p.Root], p.Dir}] }

// count adds to the counts of a root.
func (t *tx) count(root int32, files, bytes int64) {
	c := t.counts[root]
	t.counts[root] = rootCount{c.files + files, c.bytes + bytes}
}

// settle derives the metadata of the dirty pictures from their files, and updates all counts.
func (t *tx) settle(ctx context.Context) error {
	touched := maps.Clone(t.dirty)
	maps.Copy(touched, t.fresh)
	for _, v := range t.vectors {
		for id := range v.fresh {
			touched[id] = true
		}
	}
	list := slices.Sorted(maps.Keys(touched))
	pictures, embedded := int64(0), make(map[int32]int64)
	if err := inChunks(list, func(chunk []int64) error {
		had := make(map[int64]bool, len(chunk))
		if err := each(ctx, t.tx, "SELECT id, orphaned_at IS NULL FROM pictures WHERE id = ANY($1)", func(scan scanFunc) error {
			var id int64
			var has bool
			err := scan(&id, &has)
			had[id] = has && !t.fresh[id]
			return err
		}, chunk); err != nil {
			return err
		}
		has, err := t.derive(ctx, slices.DeleteFunc(slices.Clone(chunk), func(id int64) bool { return !t.dirty[id] }))
		if err != nil {
			return err
		}
		for _, id := range chunk {
			if !t.dirty[id] {
				has[id] = had[id] || t.fresh[id]
			}
			pictures += number(has[id]) - number(had[id])
		}
		return each(ctx, t.tx, "SELECT DISTINCT m.id, e.picture_id FROM models m JOIN vectors e ON e.model_id = m.id WHERE e.picture_id = ANY($1)", func(scan scanFunc) error {
			var model int32
			var id int64
			err := scan(&model, &id)
			changes := t.vectors[model]
			embedded[model] += number(has[id]) - number(had[id] && (changes == nil || !changes.fresh[id]))
			return err
		}, chunk)
	}); err != nil {
		return err
	}
	return t.putCounts(ctx, pictures, embedded)
}

func number(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// putCounts adds to the counts of the index.
func (t *tx) putCounts(ctx context.Context, pictures int64, embedded map[int32]int64) error {
	if pictures != 0 {
		if err := t.exec(ctx, "UPDATE meta SET value = (value::bigint + $1)::text WHERE key = 'pictures'", pictures); err != nil {
			return err
		}
	}
	for root, c := range t.counts {
		if c == (rootCount{}) {
			continue
		}
		if err := t.exec(ctx, "UPDATE roots SET files = files + $1, bytes = bytes + $2 WHERE id = $3", c.files, c.bytes, root); err != nil {
			return err
		}
	}
	for model, n := range embedded {
		if n == 0 {
			continue
		}
		if err := t.exec(ctx, "UPDATE models SET embedded = embedded + $1 WHERE id = $2", n, model); err != nil {
			return err
		}
	}
	for model, v := range t.vectors {
		if v.sum == nil {
			continue
		}
		sum, _, err := value[[]float64](ctx, t.tx, "SELECT sum FROM models WHERE id = $1", model)
		if err != nil {
			return err
		}
		if len(sum) == len(v.sum) {
			for i := range sum {
				v.sum[i] += sum[i]
			}
		}
		if err := t.exec(ctx, "UPDATE models SET vectors = vectors + $1, sum = $2 WHERE id = $3", v.count, v.sum, model); err != nil {
			return err
		}
	}
	return nil
}
