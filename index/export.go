package index

import "context"

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
func (s *Searcher) Export(ctx context.Context, each func(Exported) error) error {
	ids, list, err := s.vectors(ctx)
	if err != nil {
		return err
	}
	for i, id := range ids {
		h, ok, err := s.hit(ctx, id)
		if err != nil {
			return err
		}
		if !ok {
			continue // a picture whose files are gone
		}
		hash, err := s.store.ContentHash(ctx, id)
		if err != nil {
			return err
		}
		if err := each(Exported{Hit: h, SHA256: hash, Raw: list.row(i)}); err != nil {
			return err
		}
	}
	return nil
}
