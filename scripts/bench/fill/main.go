// Command fill adds generated pictures to an index, to measure walking, filtering and searching without embedding a million photos first:
//
//	go run ./scripts/bench/fill [-files] N DIR INDEX
//
// It adds N pictures below DIR, which must already be a root of INDEX, with random vectors of its default model, and with dates, cameras,
// lenses, places, ratings and keywords. With -files, it also writes a small file for each, 500 a folder.
package main

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/app"
	"github.com/imgsearch/imgsearch/internal/vec"
	"github.com/imgsearch/imgsearch/scan"
)

var (
	cameras  = []string{"Canon EOS R5", "Canon EOS 5D Mark III", "NIKON D750", "NIKON Z 6", "Apple iPhone 12", "SONY ILCE-7M3", "Google Pixel 7", "FUJIFILM X-T4"}
	lenses   = []string{"EF 50mm f/1.8 STM", "EF 24-105mm f/4L", "RF 50mm F1.2L", "NIKKOR Z 24-70mm f/4 S", "FE 85mm F1.8", "XF 35mm F2"}
	keywords = []string{"sea", "family", "beach", "mountain", "dog", "cat", "birthday", "wedding", "city", "night", "snow", "garden"}
	sizes    = [][2]int{{4000, 3000}, {3000, 4000}, {6000, 4000}, {1920, 1080}}
)

func main() {
	files := flag.Bool("files", false, "write a small file for each picture")
	flag.Parse()
	n, err := strconv.Atoi(flag.Arg(0))
	if err == nil {
		err = fill(context.Background(), n, flag.Arg(1), flag.Arg(2), *files)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "fill:", err)
		os.Exit(1)
	}
}

// filler makes the pictures for one index.
type filler struct {
	r      *rand.Rand
	root   store.Root
	model  store.Model
	device uint64
	meta   int
	files  bool
}

func fill(ctx context.Context, n int, dir, path string, files bool) error {
	ix, err := app.Index{Path: path}.OpenForChanges(ctx)
	if err != nil {
		return err
	}
	defer ix.Close()
	dir, err = filepath.Abs(dir)
	if err != nil {
		return err
	}
	f := filler{r: rand.New(rand.NewPCG(1, 2)), files: files}
	if f.root, err = ix.AddRoot(ctx, dir, true); err != nil {
		return err
	}
	models, err := ix.Models(ctx)
	if err != nil {
		return err
	}
	f.model, _ = models.Of(store.Default)
	if _, f.device, _, err = scan.Stat(dir); err != nil {
		return err
	}
	if err := f.learn(ctx, ix); err != nil {
		return err
	}
	const atOnce = 10_000
	for at := 0; at < n; at += atOnce {
		if err := f.some(ctx, ix, at, min(at+atOnce, n)); err != nil {
			return err
		}
	}
	return ix.PrepareSearch(ctx, f.model.Identity)
}

// learn takes the metadata version from an indexed file, so that the generated files' metadata is not read again.
func (f *filler) learn(ctx context.Context, ix store.Store) error {
	places, err := ix.Sample(ctx, 1)
	if err != nil {
		return err
	}
	known, err := ix.Known(ctx, "", places)
	for _, k := range known {
		f.meta = k.File.MetaVersion
	}
	return err
}

func (f *filler) some(ctx context.Context, ix store.Store, from, to int) error {
	tx, err := ix.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for i := from; i < to; i++ {
		id := store.PictureID(sha256.Sum256(binary.LittleEndian.AppendUint64([]byte("fill"), uint64(i))))
		size := pick(f.r, sizes)
		if err := tx.PutPicture(ctx, store.Picture{ID: id, Format: "jpeg", Width: size[0], Height: size[1], Orientation: 1}); err != nil {
			return err
		}
		if err := tx.PutVector(ctx, f.model.Identity, store.Vector{Picture: id, Data: f.vector()}); err != nil {
			return err
		}
		record, err := f.record(i, id)
		if err != nil {
			return err
		}
		if _, err := tx.PutFile(ctx, record); err != nil {
			return err
		}
	}
	return tx.Commit(ctx)
}

func (f *filler) vector() []byte {
	v := make([]float32, f.model.Dim)
	for i := range v {
		v[i] = float32(f.r.NormFloat64())
	}
	vec.Scale(v, 1/vec.Length(v))
	return vec.Pack(v)
}

func (f *filler) record(i int, id store.PictureID) (store.FileRecord, error) {
	place := store.Place{Root: f.root.ID, Dir: fmt.Sprintf("%d/%05d", 2005+i/50_000, i/500), Name: fmt.Sprintf("IMG_%07d.jpg", i)}
	stat := store.Stat{Size: 64, MTimeNS: 1_600_000_000_000_000_000 + int64(i)}
	if f.files {
		path := filepath.Join(f.root.Path, filepath.FromSlash(place.Dir), place.Name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return store.FileRecord{}, err
		}
		if err := os.WriteFile(path, id[:], 0o600); err != nil {
			return store.FileRecord{}, err
		}
		info, err := os.Stat(path)
		if err != nil {
			return store.FileRecord{}, err
		}
		stat = store.Stat{Size: info.Size(), MTimeNS: info.ModTime().UnixNano()}
	}
	const years = 20 * 365 * 24 * time.Hour
	m := store.Metadata{
		TakenAt:     time.Date(2005, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(f.r.Int64N(int64(years)))).Format("2006-01-02T15:04:05"),
		TakenSource: store.DateOriginal, Camera: pick(f.r, cameras), Lens: pick(f.r, lenses),
	}
	if f.r.IntN(10) < 6 {
		m.Position = &store.Position{Latitude: f.r.Float64()*130 - 60, Longitude: f.r.Float64()*360 - 180}
	}
	if m.Rated = f.r.IntN(5) == 0; m.Rated {
		m.Rating = f.r.IntN(6)
	}
	if f.r.IntN(10) < 3 {
		m.Keywords = []string{pick(f.r, keywords), pick(f.r, keywords)}
	}
	return store.FileRecord{File: store.File{Place: place, Stat: stat, Device: f.device, MetaVersion: f.meta}, Picture: id, Format: "jpeg", Metadata: m}, nil
}

func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }
