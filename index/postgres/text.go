package postgres

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/imgsearch/imgsearch/index/internal/column"
	"github.com/imgsearch/imgsearch/index/store"
)

// Texts returns the texts of pictures.
func (s *Store) Texts(ctx context.Context, list []store.PictureID) (map[store.PictureID]store.Text, error) {
	texts := make(map[store.PictureID]store.Text)
	err := inChunks(list, func(chunk []store.PictureID) error {
		return each(ctx, s.db, "SELECT p.sha256, m.identity, coalesce(t.lines, '[]') FROM pictures p JOIN texts t ON t.picture_id = p.id JOIN text_models m ON m.id = t.model_id WHERE p.sha256 = ANY($1)", func(scan scanFunc) error {
			var sha []byte
			var lines string
			var text store.Text
			if err := scan(&sha, &text.Model, &lines); err != nil {
				return err
			}
			id, err := column.PictureID(sha)
			if err != nil {
				return err
			}
			if err := json.Unmarshal([]byte(lines), &text.Lines); err != nil {
				return fmt.Errorf("%w: the text of picture %s: %w", store.ErrDamaged, id, err)
			}
			texts[id] = text
			return nil
		}, ids(chunk))
	})
	return texts, err
}

// readBy selects the texts (t) that the model in parameter $1 has read.
const readBy = "t.model_id = (SELECT id FROM text_models WHERE identity = $1)"

// TextsToRead returns the pictures with a file that a text model has not read.
func (s *Store) TextsToRead(ctx context.Context, model string) ([]store.PictureID, error) {
	return collect(ctx, s.db, "SELECT p.sha256 FROM pictures p WHERE p.orphaned_at IS NULL AND NOT EXISTS (SELECT 1 FROM texts t WHERE t.picture_id = p.id AND "+readBy+") ORDER BY p.id", scanID, model)
}

// TextCoverage says how much of the index a text model has read.
func (s *Store) TextCoverage(ctx context.Context, model string) (c store.TextCoverage, err error) {
	err = s.db.QueryRow(ctx, "SELECT count(*), count(t.folded) FROM texts t JOIN pictures p ON p.id = t.picture_id WHERE p.orphaned_at IS NULL AND ($1 = '' OR "+readBy+")", model).Scan(&c.Read, &c.WithText)
	return c, explain(err)
}

// DropTexts deletes all texts. The server frees their space, and overwrites it later.
func (s *Store) DropTexts(ctx context.Context) error {
	if err := s.inTx(ctx, func(t *tx) error { return t.exec(ctx, "TRUNCATE texts, text_models") }); err != nil {
		return fmt.Errorf("delete the texts: %w", err)
	}
	return nil
}

// phrases returns the condition for texts (t) that contain phrases; ok is false if no text can.
func phrases(q *query, list []string) (condition string, ok bool) {
	squeezed := make([]string, len(list))
	for i, phrase := range list {
		if squeezed[i] = store.Squeeze(store.FoldText(phrase)); squeezed[i] == "" {
			return "", false
		}
	}
	return squeezedPhrases(q, squeezed), true
}

func squeezedPhrases(q *query, list []string) string {
	parts := []string{"t.squeezed IS NOT NULL"}
	for _, phrase := range list {
		phrase = plain(phrase)
		if found := store.Trigrams(phrase); len(found) > 0 {
			parts = append(parts, "trigrams(t.squeezed) @> "+q.arg(found)+"::text[]")
		}
		parts = append(parts, "position("+q.arg(phrase)+"::text IN t.squeezed) > 0")
	}
	return and(parts)
}

// MatchTexts returns the pictures that match a filter and whose text contains all words.
func (s *Store) MatchTexts(ctx context.Context, f store.Filter, words []string) ([]store.TextMatch, error) {
	if len(words) == 0 {
		return nil, nil
	}
	q := &query{}
	where, err := s.selection(ctx, q, "p", f)
	if err != nil {
		return nil, err
	}
	list := []store.TextMatch{}
	err = each(ctx, s.db, "SELECT p.sha256, t.folded FROM texts t JOIN pictures p ON p.id = t.picture_id WHERE "+squeezedPhrases(q, words)+" AND "+where, func(scan scanFunc) error {
		var sha []byte
		var folded string
		if err := scan(&sha, &folded); err != nil {
			return err
		}
		m, ok := store.MatchWords(folded, words)
		if !ok {
			return nil
		}
		var err error
		m.Picture, err = column.PictureID(sha)
		list = append(list, m)
		return err
	}, q.args...)
	store.SortTextMatches(list)
	return list, err
}
