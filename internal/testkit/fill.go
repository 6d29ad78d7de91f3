package testkit

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"

	"github.com/imgsearch/imgsearch/index/store"
)

// halfOne is 1 as a half-precision number.
const halfOne = 0x3c00

// Fill adds pictures to an index until it has n, in a separate root that does not exist on any disk. The index must have the model.
func Fill(ctx context.Context, s store.Store, model store.Model, n int) error {
	root, err := s.AddRoot(ctx, "/nowhere", true)
	if err != nil {
		return err
	}
	vector := make([]byte, 2*model.Dim)
	binary.LittleEndian.PutUint16(vector, halfOne)
	const atOnce = 10_000
	for at := root.Files; at < n; {
		tx, err := s.Begin(ctx)
		if err != nil {
			return err
		}
		for end := min(at+atOnce, n); at < end && err == nil; at++ {
			id := store.PictureID(sha256.Sum256(binary.LittleEndian.AppendUint64(nil, uint64(at))))
			err = tx.PutPicture(ctx, store.Picture{ID: id, Format: "fake", Width: 1, Height: 1, Orientation: 1})
			if err == nil {
				err = tx.PutVector(ctx, model.Identity, store.Vector{Picture: id, Data: vector})
			}
			if err == nil {
				place := store.Place{Root: root.ID, Dir: fmt.Sprintf("%05d", at/500), Name: fmt.Sprintf("%08d.jpg", at)}
				_, err = tx.PutFile(ctx, store.FileRecord{
					File: store.File{Place: place, Stat: store.Stat{Size: 8, MTimeNS: 1}, Device: 1}, Picture: id, Format: "fake",
				})
			}
		}
		if err == nil {
			err = tx.Commit(ctx)
		}
		tx.Rollback()
		if err != nil {
			return err
		}
	}
	return nil
}
