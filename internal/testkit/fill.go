package testkit

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/imgsearch/imgsearch/index/sqlite"
)

// Fill fills an index up to n pictures, which lie in a root of their own that is not on any disk.
func Fill(ctx context.Context, store *sqlite.Store, model sqlite.Model, n int) error {
	root, err := store.AddRoot(ctx, "/nowhere", true)
	if err != nil {
		return err
	}
	have, _, err := store.Coverage(ctx, model.ID)
	if err != nil {
		return err
	}
	vector := make([]byte, 2*model.Dim)
	const atOnce = 10_000
	for at := have; at < n; {
		batch, err := store.Begin(ctx)
		if err != nil {
			return err
		}
		for end := min(at+atOnce, n); at < end; at++ {
			hash := sha256.Sum256(binary.LittleEndian.AppendUint64(nil, uint64(at)))
			id, err := batch.PutContent(ctx, sqlite.Content{Hash: hash, Format: "fake", Width: 1, Height: 1, Orientation: 1})
			if err == nil {
				err = batch.PutEmbedding(ctx, model.ID, id, vector)
			}
			if err == nil {
				place := sqlite.Place{RootID: root.ID, Dir: fmt.Sprintf("%05d", at/500), Name: fmt.Sprintf("%08d.jpg", at)}
				err = batch.PutFile(ctx, sqlite.File{Place: place, Stat: sqlite.Stat{Size: 8, MTimeNS: 1}, Device: 1, ContentID: id})
			}
			if err != nil {
				batch.Rollback()
				return err
			}
		}
		if err := batch.Commit(); err != nil {
			return err
		}
	}
	return nil
}
