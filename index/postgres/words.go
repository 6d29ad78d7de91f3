package postgres

import (
	"context"
	"crypto/sha256"
	"slices"
	"strings"
	"sync"

	"github.com/imgsearch/imgsearch/index/store"
)

// The kinds of words.
const (
	wordCamera   = 1
	wordLens     = 2
	wordKeywords = 3
	wordPeople   = 4
)

type word struct {
	kind int16
	text string
}

// words caches the table words. Its rows never change, and new ones have higher ids.
type words struct {
	mu   sync.Mutex
	last int32
	list map[int16][]numbered
}

type numbered struct {
	id   int32
	text string
}

// matching returns the ids of the words of a kind that match.
func (s *Store) matching(ctx context.Context, kind int16, match func(text string) bool) ([]int32, error) {
	w := &s.words
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.list == nil {
		w.list = make(map[int16][]numbered)
	}
	err := each(ctx, s.db, "SELECT id, kind, text FROM words WHERE id > $1 ORDER BY id", func(scan scanFunc) error {
		var kind int16
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
func (s *Store) matchingNames(ctx context.Context, kind int16, sets []store.Words) ([]int32, error) {
	return s.matching(ctx, kind, func(text string) bool {
		return slices.ContainsFunc(sets, func(w store.Words) bool { return w.In(text) })
	})
}

func lines(text string) []string { return strings.Split(text, "\n") }

// putWords adds the words that the index does not have, and looks up the ids of all.
func (t *tx) putWords(ctx context.Context, wanted []word) error {
	var kinds []int16
	var texts []string
	var digests [][]byte
	seen := make(map[word]bool)
	for _, w := range wanted {
		if _, ok := t.words[w]; ok || w.text == "" || seen[w] {
			continue
		}
		seen[w] = true
		digest := sha256.Sum256([]byte(w.text))
		kinds, texts, digests = append(kinds, w.kind), append(texts, w.text), append(digests, digest[:])
	}
	if len(kinds) == 0 {
		return nil
	}
	if err := t.exec(ctx, "INSERT INTO words(kind, text, digest) SELECT n.kind, n.text, n.digest FROM unnest($1::smallint[], $2::text[], $3::bytea[]) AS n(kind, text, digest) ON CONFLICT DO NOTHING",
		kinds, texts, digests); err != nil {
		return err
	}
	return each(ctx, t.tx, "SELECT w.id, w.kind, w.text FROM words w JOIN unnest($1::smallint[], $2::bytea[]) AS n(kind, digest) ON n.kind = w.kind AND n.digest = w.digest", func(scan scanFunc) error {
		var id int32
		var w word
		err := scan(&id, &w.kind, &w.text)
		t.words[w] = id
		return err
	}, kinds, digests)
}

// metaWords returns the words that metadata refers to: camera, lens, keywords, people.
func metaWords(m store.Metadata) [4]word {
	return [4]word{
		{wordCamera, plain(m.Camera)}, {wordLens, plain(m.Lens)}, {wordKeywords, plain(strings.Join(m.Keywords, "\n"))},
		{wordPeople, plain(strings.Join(m.People, "\n"))},
	}
}

// plain returns a text as PostgreSQL can store it: without the character 0, and with replacement characters for bytes that are not UTF-8.
func plain(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\ufffd"), "\x00", "")
}
