package show

import "github.com/imgsearch/imgsearch/internal/wire"

// json returns the machine format (docs/json.md).
func (s *shown) json() wire.Picture {
	j := wire.NewPicture(s.Picture)
	j.Path, j.PathB64, j.Indexed = wire.OrNull(s.path), wire.NotUTF8(s.path), s.known
	if s.failure != nil {
		j.Failure = wire.NewFailure(*s.failure)
	}
	return j
}
