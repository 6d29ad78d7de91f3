package index

import (
	"context"
	"fmt"

	"github.com/imgsearch/imgsearch/index/sqlite"
)

// Exported is a picture with its vector.
type Exported struct {
	Hit
	// SHA256 is the picture's identity, not the file's.
	SHA256 [32]byte
	// Raw is the vector as it is stored: half-precision numbers, little-endian, L2-normalised. It is valid during the call only.
	Raw []byte
}

// Export calls each with every picture that the filter selects and that has a vector of the searcher's model, in the order in
// which they were embedded.
func (s *Searcher) Export(ctx context.Context, filter Filter, each func(Exported) error) error {
	if err := s.look(ctx, filter); err != nil {
		return err
	}
	var keep map[int64]bool
	if !filter.isAll() {
		ids, err := s.selected(ctx)
		if err != nil {
			return err
		}
		keep = make(map[int64]bool, len(ids))
		for _, id := range ids {
			keep[id] = true
		}
	}
	// Collected first: the rows are read on one connection, what they are on another.
	type row struct {
		id  int64
		raw []byte
	}
	var rows []row
	err := s.store.VectorsAfter(ctx, s.model.ID, 0, func(_, id int64, vector []byte) error {
		if len(vector) != 2*s.model.Dim {
			return fmt.Errorf("%w: a vector of %d bytes", sqlite.ErrDamaged, len(vector))
		}
		if keep == nil || keep[id] {
			rows = append(rows, row{id, append([]byte(nil), vector...)})
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read vectors: %w", err)
	}
	for _, r := range rows {
		h, ok, err := s.hit(ctx, r.id)
		if err != nil {
			return err
		}
		if !ok {
			continue // a picture whose files are gone
		}
		hash, err := s.store.ContentHash(ctx, r.id)
		if err != nil {
			return err
		}
		if err := each(Exported{Hit: h, SHA256: hash, Raw: r.raw}); err != nil {
			return err
		}
	}
	return nil
}
