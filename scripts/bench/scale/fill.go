package main

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/vec"
)

// source makes pictures.
type source struct {
	model store.Model
	real  [][]byte
}

// years is the time over which the pictures are spread evenly.
const years = 20 * 365 * 24 * time.Hour

var start = time.Date(2005, 1, 1, 0, 0, 0, 0, time.UTC)

// taken returns the filter for a share of the pictures.
func taken(share float64) store.Filter {
	from := start.Add(years / 3)
	const layout = "2006-01-02T15:04:05"
	return store.Filter{Taken: store.Period{From: from.Format(layout), To: from.Add(time.Duration(share * float64(years))).Format(layout)}}
}

// vector returns a vector between two real ones.
func (s source) vector(r *rand.Rand) []byte {
	a, b := vec.Unpack(s.real[r.IntN(len(s.real))]), vec.Unpack(s.real[r.IntN(len(s.real))])
	t := r.Float32()
	for i := range a {
		a[i] = t*a[i] + (1-t)*b[i]
	}
	vec.Scale(a, 1/vec.Length(a))
	return vec.Pack(a)
}

// fill adds n pictures to an index.
func (s source) fill(ctx context.Context, ix store.Store, n int) error {
	root, err := ix.AddRoot(ctx, "/nowhere", true)
	if err != nil {
		return err
	}
	if _, err := ix.PutModel(ctx, s.model); err != nil {
		return err
	}
	r := rand.New(rand.NewPCG(1, 2))
	const atOnce = 10_000
	for at := 0; at < n; at += atOnce {
		if err := s.some(ctx, ix, r, root.ID, at, min(at+atOnce, n)); err != nil {
			return err
		}
	}
	return nil
}

func (s source) some(ctx context.Context, ix store.Store, r *rand.Rand, root store.RootID, from, to int) error {
	tx, err := ix.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	var files []store.FileRecord
	for i := from; i < to; i++ {
		id := store.PictureID(sha256.Sum256(binary.LittleEndian.AppendUint64(nil, uint64(i))))
		if err := tx.PutPicture(ctx, store.Picture{ID: id, Format: "jpeg", Width: 4000, Height: 3000, Orientation: 1}); err != nil {
			return err
		}
		if err := tx.PutVector(ctx, s.model.Identity, store.Vector{Picture: id, Data: s.vector(r)}); err != nil {
			return err
		}
		files = append(files, store.FileRecord{
			File:    store.File{Place: store.Place{Root: root, Dir: fmt.Sprintf("%05d", i/500), Name: fmt.Sprintf("IMG_%07d.jpg", i)}, Stat: store.Stat{Size: 4 << 20, MTimeNS: int64(i)}, Device: 1, MetaVersion: 1},
			Picture: id, Format: "jpeg",
			Metadata: store.Metadata{
				TakenAt: start.Add(time.Duration(r.Int64N(int64(years)))).Format("2006-01-02T15:04:05"), TakenSource: store.DateOriginal, Camera: fmt.Sprint("Acme ", r.IntN(20)),
				OwnerMetadata: store.OwnerMetadata{Rating: r.IntN(6), Rated: true},
			},
		})
	}
	if err := tx.PutFiles(ctx, files); err != nil {
		return err
	}
	return tx.Commit(ctx)
}
