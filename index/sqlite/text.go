package sqlite

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/imgsearch/imgsearch/index/store"
)

// squeezed is the expression for a text without spaces and line ends: store.Squeeze.
const squeezed = "replace(replace(t.folded, ' ', ''), char(10), '')"

// PutText stores the text of a picture.
func (t *tx) PutText(ctx context.Context, id store.PictureID, text store.Text) (ok bool, err error) {
	picture, err := t.number(ctx, "SELECT id FROM pictures WHERE sha256 = ?", id[:])
	if err != nil || picture == 0 {
		return false, err
	}
	if _, err := t.exec(ctx, "INSERT OR IGNORE INTO text_models(identity) VALUES (?)", text.Model); err != nil {
		return false, err
	}
	if _, err := t.exec(ctx, "DELETE FROM texts WHERE picture_id = ?", picture); err != nil { // not OR REPLACE, which fires no triggers
		return false, err
	}
	var lines, folded any
	if len(text.Lines) > 0 {
		data, err := json.Marshal(text.Lines)
		if err != nil {
			return false, fmt.Errorf("write the index: %w", err)
		}
		plain := text.Folded()
		lines, folded = string(data), plain
		if _, err := t.exec(ctx, "INSERT INTO text_trigrams(rowid, squeezed) VALUES (?, ?)", picture, store.Squeeze(plain)); err != nil {
			return false, err
		}
	}
	_, err = t.exec(ctx, "INSERT INTO texts(picture_id, model_id, lines, folded) SELECT ?, id, ?, ? FROM text_models WHERE identity = ?",
		picture, lines, folded, text.Model)
	return true, err
}

// Texts returns the texts of pictures.
func (s *Store) Texts(ctx context.Context, ids []store.PictureID) (map[store.PictureID]store.Text, error) {
	texts := make(map[store.PictureID]store.Text)
	err := inChunks(ids, func(chunk []store.PictureID) error {
		with, args := wantedIDs(chunk)
		_, err := collect(ctx, s.read, with+`SELECT w.nr, m.identity, coalesce(t.lines, '[]') FROM wanted w CROSS JOIN pictures p ON p.sha256 = w.sha256
			CROSS JOIN texts t ON t.picture_id = p.id JOIN text_models m ON m.id = t.model_id`, func(scan scanFunc) (struct{}, error) {
			var nr int
			var text store.Text
			var lines []byte
			if err := scan(&nr, &text.Model, &lines); err != nil {
				return struct{}{}, err
			}
			if err := json.Unmarshal(lines, &text.Lines); err != nil {
				return struct{}{}, fmt.Errorf("%w: the text of picture %s: %w", store.ErrDamaged, chunk[nr], err)
			}
			texts[chunk[nr]] = text
			return struct{}{}, nil
		}, args...)
		return explain(err)
	})
	return texts, err
}

// readBy selects the texts (t) that a model has read. The parameter is its identity.
const readBy = "t.model_id = (SELECT id FROM text_models WHERE identity = ?)"

// TextsToRead returns the pictures with a file that a text model has not read.
func (s *Store) TextsToRead(ctx context.Context, model string) ([]store.PictureID, error) {
	list, err := collect(ctx, s.read, `SELECT p.sha256 FROM pictures p NOT INDEXED WHERE p.orphaned_at IS NULL
		AND NOT EXISTS (SELECT 1 FROM texts t WHERE t.picture_id = p.id AND `+readBy+`) ORDER BY p.id`, scanID, model)
	return list, explain(err)
}

// TextCoverage says how much of the index a text model has read.
func (s *Store) TextCoverage(ctx context.Context, model string) (c store.TextCoverage, err error) {
	err = s.read.QueryRowContext(ctx, `SELECT count(*), count(t.folded) FROM texts t JOIN pictures p ON p.id = t.picture_id
		WHERE p.orphaned_at IS NULL AND (?1 = '' OR t.model_id = (SELECT id FROM text_models WHERE identity = ?1))`, model).Scan(&c.Read, &c.WithText)
	return c, explain(err)
}

// DropTexts deletes all texts.
func (s *Store) DropTexts(ctx context.Context) error {
	err := s.inTx(ctx, func(t *tx) error {
		for _, stmt := range []string{
			"PRAGMA secure_delete = ON", // overwrite what is deleted, so that nobody finds it in the file
			// Clearing the trigrams at once is faster than the trigger.
			"UPDATE texts SET lines = NULL, folded = NULL WHERE folded IS NOT NULL",
			"INSERT INTO text_trigrams(text_trigrams) VALUES ('delete-all')", "DELETE FROM texts", "DELETE FROM text_models",
			"PRAGMA secure_delete = OFF",
		} {
			if _, err := t.exec(ctx, stmt); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("delete the texts: %w", err)
	}
	return nil
}

// rebuildTrigrams makes the trigrams of all texts anew.
func (t *tx) rebuildTrigrams(ctx context.Context) error {
	for _, stmt := range []string{
		"INSERT INTO text_trigrams(text_trigrams) VALUES ('delete-all')",
		"INSERT INTO text_trigrams(rowid, squeezed) SELECT t.picture_id, " + squeezed + " FROM texts t WHERE t.folded IS NOT NULL",
	} {
		if _, err := t.exec(ctx, stmt); err != nil {
			return err
		}
	}
	return nil
}

// trigrams returns the FTS5 query for texts that have all trigrams of a squeezed phrase; "" if it is too short to have one.
func trigrams(phrase string) string {
	list := store.Trigrams(phrase)
	for i, one := range list {
		list[i] = `"` + strings.ReplaceAll(one, `"`, `""`) + `"`
	}
	return strings.Join(list, " AND ")
}

// fromTexts returns the FROM and WHERE clauses for the texts (t) that contain squeezed phrases.
func fromTexts(phrases []string) (clause string, args []any) {
	var w where
	var all []string
	for _, phrase := range phrases {
		if utf8.RuneCountInString(phrase) == 1 {
			w.add("instr(t.folded, ?) > 0", phrase)
		} else { // most are found without squeezing the text
			w.add("(instr(t.folded, ?) > 0 OR instr("+squeezed+", ?) > 0)", phrase, phrase)
		}
		if query := trigrams(phrase); query != "" {
			all = append(all, query)
		}
	}
	if len(all) == 0 {
		return "FROM texts t WHERE t.folded IS NOT NULL AND " + w.sql(), w.args
	}
	return "FROM text_trigrams x CROSS JOIN texts t ON t.picture_id = x.rowid WHERE x.text_trigrams MATCH ? AND " + w.sql(),
		append([]any{strings.Join(all, " AND ")}, w.args...)
}

// withTexts returns the pictures, with or without a file, whose texts contain phrases.
func (s *Store) withTexts(ctx context.Context, phrases []string) (bitmap, error) {
	wanted := make([]string, len(phrases))
	for i, phrase := range phrases {
		if wanted[i] = store.Squeeze(store.FoldText(phrase)); wanted[i] == "" {
			return bitmap{}, nil
		}
	}
	clause, args := fromTexts(wanted)
	set := bitmap{}
	return set, s.collectSet(ctx, &set, "SELECT imgsearch_set(t.picture_id) "+clause, args...)
}

// MatchTexts returns the pictures that match a filter and whose text contains all words.
func (s *Store) MatchTexts(ctx context.Context, f store.Filter, words []string) ([]store.TextMatch, error) {
	if len(words) == 0 {
		return nil, nil
	}
	set, _, err := s.set(ctx, f)
	if err != nil {
		return nil, err
	}
	clause, args := fromTexts(words)
	found := make(map[int64]store.TextMatch)
	_, err = collect(ctx, s.read, "SELECT t.picture_id, t.folded "+clause, func(scan scanFunc) (struct{}, error) {
		var id int64
		var folded string
		if err := scan(&id, &folded); err != nil || set != nil && !set.has(id) {
			return struct{}{}, err
		}
		if m, ok := store.MatchWords(folded, words); ok {
			found[id] = m
		}
		return struct{}{}, nil
	}, args...)
	if err != nil {
		return nil, explain(err)
	}
	list := make([]store.TextMatch, 0, len(found))
	err = s.publicIDs(ctx, slices.Collect(maps.Keys(found)), func(id int64, public store.PictureID) {
		m := found[id]
		m.Picture = public
		list = append(list, m)
	})
	store.SortTextMatches(list)
	return list, err
}
