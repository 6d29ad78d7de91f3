package sqlite_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/imgsearch/imgsearch/index/sqlite"
	"github.com/imgsearch/imgsearch/index/store"
)

// withTexts returns an index of n pictures with texts of made-up words, which are as frequent as those of a language (Zipf's law): 2 to 13 words on
// most pictures, 100 to 300 on every twentieth. One in the middle has the words of a receipt, and common is a word of a tenth of them.
func withTexts(b *testing.B, n int) (s *sqlite.Store, common string) {
	b.Helper()
	s, err := sqlite.Open(context.Background(), filepath.Join(b.TempDir(), "i.db"), sqlite.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.Close() })
	ctx := context.Background()
	root, err := s.AddRoot(ctx, "/p", true)
	if err != nil {
		b.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	vocabulary := make([]string, 20_000)
	for i := range vocabulary {
		for range 2 + r.IntN(3) {
			vocabulary[i] += string("bcdfghklmnprstvw"[r.IntN(16)]) + string("aeiou"[r.IntN(5)])
		}
	}
	zipf := rand.NewZipf(r, 1.1, 20, uint64(len(vocabulary)-1))
	tx, err := s.Begin(ctx)
	if err != nil {
		b.Fatal(err)
	}
	for i := range n {
		id := store.PictureID(sha256.Sum256(fmt.Append(nil, i)))
		words := 2 + r.IntN(12)
		if i%20 == 0 {
			words = 100 + r.IntN(200)
		}
		var line strings.Builder
		for range words {
			if r.IntN(6) == 0 {
				fmt.Fprintf(&line, "%d ", r.IntN(1_000_000))
			} else {
				line.WriteString(vocabulary[zipf.Uint64()] + " ")
			}
		}
		if i%10 == 3 {
			line.WriteString(" exitway")
		}
		if i == n/2 {
			line.WriteString(" Rechnung 2023-0415")
		}
		place := store.Place{Root: root.ID, Dir: fmt.Sprint(i / 1000), Name: fmt.Sprintf("%d.jpg", i)}
		if err := tx.PutPicture(ctx, store.Picture{ID: id, Format: "jpeg", Width: 4, Height: 3, Orientation: 1}); err != nil {
			b.Fatal(err)
		}
		if _, err := tx.PutText(ctx, id, store.Text{Model: "m", Lines: []store.TextLine{{Text: line.String(), Score: 1}}}); err != nil {
			b.Fatal(err)
		}
		if _, err := tx.PutFile(ctx, store.FileRecord{File: store.File{Place: place, Stat: store.Stat{Size: 1, MTimeNS: 1}}, Picture: id, Format: "jpeg"}); err != nil {
			b.Fatal(err)
		}
	}
	if err := tx.Commit(ctx); err != nil {
		b.Fatal(err)
	}
	return s, "exitway"
}

// BenchmarkText measures filters for texts over 100,000 pictures with text: a rare phrase, a common word, and the ranking by a query's words.
func BenchmarkText(b *testing.B) {
	s, common := withTexts(b, 100_000)
	ctx := context.Background()
	for name, phrase := range map[string]string{"rare": "rechnung 2023", "common": common, "short": "7"} {
		b.Run(name, func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				// Every filter is another one, since the store remembers the last.
				f := store.Filter{Texts: []string{phrase}, Width: store.Range{Min: new(float64(-i))}}
				if n, err := s.Count(ctx, f); err != nil || n == 0 {
					b.Fatal(n, err)
				}
			}
		})
	}
	for name, query := range map[string]string{"rank rare": "rechnung", "rank common": common} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if list, err := s.MatchTexts(ctx, store.Filter{}, store.TextWords(query)); err != nil || len(list) == 0 {
					b.Fatal(len(list), err)
				}
			}
		})
	}
}
