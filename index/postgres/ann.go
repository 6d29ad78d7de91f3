package postgres

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/imgsearch/imgsearch/index/store"
)

// The approximate indexes are pgvector's HNSW, one for each partition. More connections and effort than pgvector's defaults (16 and 64), since the vectors
// of texts lie outside those of pictures, where a graph of pictures is hard to search (docs/benchmarks.md#postgresql).
const (
	connections = 24
	buildEffort = 200
	// leastEffort is the least number of candidates that a search keeps, in each partition, and mostEffort what pgvector allows.
	leastEffort = 180
	mostEffort  = 1000
	// maxScanned is how many vectors a search with a filter may look at in a partition until it is exact instead.
	maxScanned = 100_000
)

// annIndexes remembers which models have approximate indexes.
type annIndexes struct {
	mu      sync.Mutex
	has     map[int32]bool
	checked map[int32]time.Time
}

// indexesFor is how long an answer of hasIndexes is used.
const indexesFor = 10 * time.Second

// hasIndexes reports whether all partitions of a model have an approximate index.
func (s *Store) hasIndexes(ctx context.Context, model int32) (bool, error) {
	x := &s.indexes
	x.mu.Lock()
	defer x.mu.Unlock()
	if time.Since(x.checked[model]) < indexesFor {
		return x.has[model], nil
	}
	names := make([]string, partitions)
	for part := range names {
		names[part] = annName(model, part)
	}
	n, _, err := value[int](ctx, s.db, "SELECT count(*) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = ANY($2) AND i.indisvalid AND current_setting('hnsw.iterative_scan', true) IS NOT NULL",
		Schema, names)
	if err != nil {
		return false, err
	}
	if x.has == nil {
		x.has, x.checked = make(map[int32]bool), make(map[int32]time.Time)
	}
	x.has[model], x.checked[model] = n == partitions, time.Now()
	return x.has[model], nil
}

func annName(model int32, part int) string { return partition(model, part) + "_ann" }

// PrepareSearch builds the approximate indexes of a model with many pictures. An index that exists is kept up to date by the server. Another machine that
// builds them goes on alone.
func (s *Store) PrepareSearch(ctx context.Context, model string) error {
	m, err := modelOf(ctx, s.db, model)
	if err != nil || m.vectors <= s.indexFrom {
		return err
	}
	if has, err := s.hasIndexes(ctx, m.id); err != nil || has {
		return err
	}
	conn, err := s.db.Acquire(ctx)
	if err != nil {
		return explain(err)
	}
	defer conn.Release()
	turn, _, err := value[bool](ctx, conn, "SELECT pg_try_advisory_lock($1, $2)", lockClass, buildLock)
	if err != nil || !turn {
		return err
	}
	defer conn.Exec(context.WithoutCancel(ctx), "SELECT pg_advisory_unlock($1, $2)", lockClass, buildLock) //nolint:errcheck // a broken connection holds no lock
	if err := build(ctx, conn.Conn(), m); err != nil {
		return fmt.Errorf("%w: %w", store.ErrSlowSearch, explain(err))
	}
	s.indexes.mu.Lock()
	clear(s.indexes.checked)
	s.indexes.mu.Unlock()
	return nil
}

// buildMemory is the memory for building an index, if the server's setting is less: an index that does not fit is built several times slower.
const buildMemory = "1GB"

func build(ctx context.Context, conn *pgx.Conn, m modelRow) error {
	if _, err := conn.Exec(ctx, "SELECT set_config('maintenance_work_mem', $1, false) WHERE pg_size_bytes(current_setting('maintenance_work_mem')) < pg_size_bytes($1)", buildMemory); err != nil {
		return err
	}
	defer conn.Exec(context.WithoutCancel(ctx), "RESET maintenance_work_mem") //nolint:errcheck // a broken connection is not used again
	for part := range partitions {
		name, table := annName(m.id, part), partition(m.id, part)
		// What an interrupted build has left is invalid.
		invalid, _, err := value[bool](ctx, conn, "SELECT EXISTS (SELECT 1 FROM pg_index WHERE indexrelid = to_regclass($1) AND NOT indisvalid)", name)
		if err != nil {
			return err
		}
		if invalid {
			if _, err := conn.Exec(ctx, "DROP INDEX "+name); err != nil {
				return err
			}
		}
		// CONCURRENTLY: machines write meanwhile.
		if _, err := conn.Exec(ctx, "CREATE INDEX CONCURRENTLY IF NOT EXISTS "+name+" ON "+table+" USING hnsw ((v::halfvec("+strconv.Itoa(int(m.dim))+")) halfvec_ip_ops) WITH (m = "+strconv.Itoa(connections)+", ef_construction = "+strconv.Itoa(buildEffort)+")"); err != nil {
			return err
		}
	}
	return nil
}
