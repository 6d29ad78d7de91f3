package storetest

import (
	"fmt"
	"strconv"

	"github.com/imgsearch/imgsearch/index/store"
)

func (s *suite) shapes() {
	root := s.root("/p")
	var files []store.FileRecord
	var pictures []store.Picture
	for i, taken := range []string{"2023-07-14T10:00:00", "2023-07-14", "2023-07", "2023", "2023-12-31T23:59:59+02:00", "2022-01-01T00:00:00", "", "", "1826"} {
		f := file(root, "", fmt.Sprintf("%02d.jpg", i), fmt.Sprint("shape", i))
		f.TakenAt = taken
		files = append(files, f)
		pictures = append(pictures, store.Picture{ID: f.Picture, Format: "jpeg", Width: 100 + 1000*i, Height: 300, Orientation: 1})
	}
	pictures[8].Width, pictures[8].Height = 100_000, 1
	s.write(func(tx store.Tx) error {
		for i, f := range files {
			if err := tx.PutPicture(s.Context(), pictures[i]); err != nil {
				return err
			}
			if _, err := tx.PutFile(s.Context(), f); err != nil {
				return err
			}
		}
		return nil
	})
	for _, f := range []store.Filter{{}, {Names: []string{"*[02468].jpg"}}, {Names: []string{"nothing"}}, {Taken: store.Period{From: "2023", To: "2024"}}} {
		ids, err := s.store.List(s.Context(), store.ListQuery{Filter: f, Order: store.ByDate, Limit: 100})
		s.must(err)
		records, err := s.store.Hits(s.Context(), ids, f)
		s.must(err)
		var want store.Shapes
		for i, r := range records {
			want.Ratios = append(want.Ratios, store.RatioOf(r.Width, r.Height))
			start := store.MonthStart{First: i}
			if len(r.TakenAt) >= 4 {
				start.Year, _ = strconv.Atoi(r.TakenAt[:4])
			}
			if len(r.TakenAt) >= 7 {
				start.Month, _ = strconv.Atoi(r.TakenAt[5:7])
			}
			if n := len(want.Months); n == 0 || want.Months[n-1].Year != start.Year || want.Months[n-1].Month != start.Month {
				want.Months = append(want.Months, start)
			}
		}
		got, err := s.store.Shapes(s.Context(), f)
		s.must(err)
		equal(s, "shapes of "+f.String(), got, want)
	}
	equal(s, "the widest ratio", store.RatioOf(100_000, 1), uint16(65535))
	equal(s, "the narrowest ratio", store.RatioOf(1, 100_000), uint16(1))
	equal(s, "an unknown ratio", store.RatioOf(0, 5), uint16(1000))
}
