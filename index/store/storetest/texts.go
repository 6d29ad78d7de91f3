package storetest

import (
	"fmt"
	"slices"

	"github.com/imgsearch/imgsearch/index/store"
)

// text returns a text with the given lines.
func text(model string, lines ...string) store.Text {
	t := store.Text{Model: model}
	for i, l := range lines {
		y := float64(i) / 10
		t.Lines = append(t.Lines, store.TextLine{Text: l, Score: .875, Corners: [4]store.Corner{{X: .25, Y: y}, {X: .75, Y: y}, {X: .75, Y: y + .0625}, {X: .25, Y: y + .0625}}})
	}
	return t
}

func (s *suite) putText(picture string, t store.Text) {
	s.Helper()
	s.write(func(tx store.Tx) error {
		if ok, err := tx.PutText(s.Context(), id(picture), t); err != nil || !ok {
			s.Fatalf("text of %s: %v, %v", picture, ok, err)
		}
		return nil
	})
}

// withTexts returns which of the pictures a filter for phrases selects.
func (s *suite) withTexts(pictures []string, phrases ...string) (found []string) {
	s.Helper()
	ids, err := s.store.List(s.Context(), store.ListQuery{Filter: store.Filter{Texts: phrases}, Order: store.ByPath, Limit: 100})
	s.must(err)
	for _, p := range pictures {
		if slices.Contains(ids, id(p)) {
			found = append(found, p)
		}
	}
	if len(found) != len(ids) {
		s.Errorf("%v: %d pictures, %d known", phrases, len(ids), len(found))
	}
	return found
}

func (s *suite) texts() {
	root := s.root("/p")
	all := []string{"bill", "sign", "none", "page"}
	for _, p := range all {
		s.put(file(root, "", p+".jpg", p))
	}
	bill := text("one", "Rechnung 2023-0415", "Frau Müller, Café Łódź", "100 % \"Rabatt\"")
	s.putText("bill", bill)
	s.putText("sign", text("one", "NO DOGS", "ALLOWED HERE"))
	s.putText("none", text("one"))
	s.write(func(tx store.Tx) error {
		if ok, err := tx.PutText(s.Context(), id("stranger"), bill); ok || err != nil {
			s.Errorf("the text of a picture that is not in the index: %v, %v", ok, err)
		}
		return nil
	})
	got, err := s.store.Texts(s.Context(), []store.PictureID{id("bill"), id("none"), id("page")})
	s.must(err)
	equal(s, "texts", len(got), 2)
	equal(s, "text", got[id("bill")], bill)
	equal(s, "no text", len(got[id("none")].Lines), 0)

	for _, c := range []struct {
		phrases []string
		want    []string
	}{
		{[]string{"rechnung"}, []string{"bill"}},
		{[]string{"2023-04"}, []string{"bill"}},
		{[]string{"cafe  lodz"}, []string{"bill"}},
		{[]string{"MÜLLER,CAFÉ"}, []string{"bill"}},
		{[]string{"dogs allowed"}, []string{"sign"}}, // over the end of a line
		{[]string{"no", "here"}, []string{"sign"}},
		{[]string{"o"}, []string{"bill", "sign"}},
		{[]string{"no", "rechnung"}, nil},
		{[]string{"dogs", "cats"}, nil},
		{[]string{"%"}, []string{"bill"}},
		{[]string{`"rab`}, []string{"bill"}},
		{[]string{"* OR"}, nil},
		{[]string{" "}, nil},
	} {
		equal(s, fmt.Sprint(c.phrases), s.withTexts(all, c.phrases...), c.want)
	}

	list, err := s.store.TextsToRead(s.Context(), "one")
	s.must(err)
	equal(s, "left to read", list, []store.PictureID{id("page")})
	list, err = s.store.TextsToRead(s.Context(), "two")
	s.must(err)
	equal(s, "left to read for another model", len(list), 4)
	c, err := s.store.TextCoverage(s.Context(), "one")
	s.must(err)
	equal(s, "coverage", c, store.TextCoverage{Read: 3, WithText: 2})
	known, err := s.store.Pictures(s.Context(), "", []store.PictureID{id("none"), id("page")})
	s.must(err)
	equal(s, "known", known[id("none")].TextModel+"/"+known[id("page")].TextModel, "one/")

	s.putText("sign", text("two", "Exit")) // in place of the earlier one
	equal(s, "an earlier text", len(s.withTexts(all, "dogs")), 0)
	equal(s, "the new text", s.withTexts(all, "exit"), []string{"sign"})
	c, err = s.store.TextCoverage(s.Context(), "two")
	s.must(err)
	equal(s, "coverage of another model", c, store.TextCoverage{Read: 1, WithText: 1})

	c, err = s.store.TextCoverage(s.Context(), "")
	s.must(err)
	equal(s, "coverage of all models", c, store.TextCoverage{Read: 3, WithText: 2})

	s.must(s.store.DropTexts(s.Context()))
	equal(s, "dropped", len(s.withTexts(all, "e")), 0)
	s.putText("page", text("one", "Exit"))
	equal(s, "read again", s.withTexts(all, "exit"), []string{"page"})
}

func (s *suite) matchTexts() {
	root := s.root("/p")
	lines := map[string][]string{
		"alone": {"TAX"}, "sentence": {"Pay your tax here,", "every year"}, "joined": {"taxinvoice"}, "inside": {"a syntaxerror"}, "over": {"ta", "x"}, "none": nil,
		"invoice": {"yourinvoices"},
	}
	for p, l := range lines {
		s.put(file(root, "", p+".jpg", p))
		s.putText(p, text("one", l...))
	}
	names := func(f store.Filter, query string) (list []string) {
		found, err := s.store.MatchTexts(s.Context(), f, store.TextWords(query))
		s.must(err)
		for _, m := range found {
			for p := range lines {
				if id(p) == m.Picture {
					list = append(list, p)
				}
			}
		}
		return list
	}
	equal(s, "a short word", names(store.Filter{}, "Tax"), []string{"alone", "sentence", "joined"})
	equal(s, "a long word", names(store.Filter{}, "an invoice"), []string{"joined", "invoice"})
	equal(s, "two words", names(store.Filter{}, "pay tax"), []string{"sentence"})
	equal(s, "with a filter", names(store.Filter{Names: []string{"j*"}}, "tax"), []string{"joined"})
	equal(s, "only short words", len(names(store.Filter{}, "a ta")), 0)
}

func (s *suite) settings() {
	read := func() string {
		v, err := s.store.Setting(s.Context(), store.SettingOCR)
		s.must(err)
		return v
	}
	equal(s, "not set", read(), "")
	for _, value := range []string{"on", "off", ""} {
		s.must(s.store.SetSetting(s.Context(), store.SettingOCR, value))
		equal(s, "setting", read(), value)
	}
}
