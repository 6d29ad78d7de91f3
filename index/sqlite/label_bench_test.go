package sqlite_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/imgsearch/imgsearch/index/sqlite"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/vec"
)

// BenchmarkLabel compares 100,000 pictures with 200 labels of the built-in model's dimension, of which each picture gets about two.
func BenchmarkLabel(b *testing.B) {
	const pictures, labels, dim = 100_000, 200, 256
	ctx := context.Background()
	s, err := sqlite.Open(ctx, filepath.Join(b.TempDir(), "i.db"), sqlite.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	if _, err := s.PutModel(ctx, store.Model{Identity: "m", Name: "m", Ref: "m", Dim: dim, Precision: "fp32"}); err != nil {
		b.Fatal(err)
	}
	root, err := s.AddRoot(ctx, "/p", true)
	if err != nil {
		b.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	direction := func() []float32 {
		v := make([]float32, dim)
		for i := range v {
			v[i] = float32(r.NormFloat64())
		}
		vec.Scale(v, 1/vec.Length(v))
		return v
	}
	asked := store.LabelRequest{Model: "m", Least: .14} // of random directions, 1.2 % have such a cosine
	for i := range labels {
		asked.Labels = append(asked.Labels, store.LabelVector{Name: fmt.Sprint("label ", i), Vector: direction()})
	}
	tx, err := s.Begin(ctx)
	if err != nil {
		b.Fatal(err)
	}
	for i := range pictures {
		id := store.PictureID(sha256.Sum256(fmt.Append(nil, i)))
		place := store.Place{Root: root.ID, Dir: fmt.Sprint(i / 1000), Name: fmt.Sprintf("%d.jpg", i)}
		err := tx.PutPicture(ctx, store.Picture{ID: id, Format: "jpeg", Width: 4, Height: 3, Orientation: 1})
		if err == nil {
			err = tx.PutVector(ctx, "m", store.Vector{Picture: id, Data: vec.Pack(direction())})
		}
		if err == nil {
			_, err = tx.PutFile(ctx, store.FileRecord{File: store.File{Place: place, Stat: store.Stat{Size: 1, MTimeNS: 1}}, Picture: id, Format: "jpeg"})
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	if err := tx.Commit(ctx); err != nil {
		b.Fatal(err)
	}
	if err := s.PrepareSearch(ctx, "m"); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := s.Label(ctx, asked); err != nil {
			b.Fatal(err)
		}
	}
	state, err := s.LabelState(ctx)
	if err != nil || state.Labelled < pictures/2 || state.Compared != pictures || math.IsNaN(state.Least) {
		b.Fatalf("%+v, %v", state, err)
	}
}
