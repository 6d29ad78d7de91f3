package postgres

import (
	"context"
	"crypto/sha256"
	"slices"
	"strings"
	"sync"

	"github.com/imgsearch/imgsearch/index/internal/column"
	"github.com/imgsearch/imgsearch/index/store"
)

// words caches the table words. Its rows never change, and new ones have higher ids.
type words struct {
	mu   sync.Mutex
	last int32
	list map[int][]numbered
}

type numbered struct {
	id   int32
	text string
}

// matching returns the ids of the words of a kind that match.
func (s *Store) matching(ctx context.Context, kind int, match func(text string) bool) ([]int32, error) {
	w := &s.words
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.list == nil {
		w.list = make(map[int][]numbered)
	}
	err := each(ctx, s.db, "SELECT id, kind, text FROM words WHERE id > $1 ORDER BY id", func(scan scanFunc) error {
		var kind int
		var n numbered
		err := scan(&n.id, &kind, &n.text)
		if err == nil {
			w.list[kind], w.last = append(w.list[kind], n), n.id
		}
		return err
	}, w.last)
	found := []int32{}
	for _, n := range w.list[kind] {
		if match(n.text) {
			found = append(found, n.id)
		}
	}
	return found, err
}

// matchingNames returns the ids of names that contain all words of one set.
func (s *Store) matchingNames(ctx context.Context, kind int, sets []store.Words) ([]int32, error) {
	return s.matching(ctx, kind, func(text string) bool {
		return slices.ContainsFunc(sets, func(w store.Words) bool { return w.In(text) })
	})
}

// putWords adds the words that the index does not have, and looks up the ids of all.
func (t *tx) putWords(ctx context.Context, wanted []column.Word) error {
	var kinds []int
	var texts []string
	var digests [][]byte
	seen := make(map[column.Word]bool)
	for _, w := range wanted {
		if _, ok := t.words[w]; ok || w.Text == "" || seen[w] {
			continue
		}
		seen[w] = true
		digest := sha256.Sum256([]byte(w.Text))
		kinds, texts, digests = append(kinds, w.Kind), append(texts, w.Text), append(digests, digest[:])
	}
	if len(kinds) == 0 {
		return nil
	}
	if err := t.exec(ctx, "INSERT INTO words(kind, text, digest) SELECT n.kind, n.text, n.digest FROM unnest($1::smallint[], $2::text[], $3::bytea[]) AS n(kind, text, digest) ON CONFLICT DO NOTHING",
		kinds, texts, digests); err != nil {
		return err
	}
	return each(ctx, t.tx, "SELECT w.id, w.Kind, w.Text FROM words w JOIN unnest($1::smallint[], $2::bytea[]) AS n(kind, digest) ON n.kind = w.Kind AND n.digest = w.digest", func(scan scanFunc) error {
		var id int32
		var w column.Word
		err := scan(&id, &w.Kind, &w.Text)
		t.words[w] = id
		return err
	}, kinds, digests)
}

// wordsOf returns the words of metadata as PostgreSQL can store them.
func wordsOf(m store.Metadata) [4]column.Word {
	words := column.Words(m)
	for i := range words {
		words[i].Text = plain(words[i].Text)
	}
	return words
}

// plain returns a text as PostgreSQL can store it: without the character 0, and with replacement characters for bytes that are not UTF-8.
func plain(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\ufffd"), "\x00", "")
}
