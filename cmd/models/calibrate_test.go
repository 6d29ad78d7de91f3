package models_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/imgsearch/imgsearch/cmd/internal/scenario"
)

// TestCalibrate checks that a calibration is stored in the index, cannot be removed, and can be removed. It marks queries as present
// by their scores, since the pictures show only waves.
func TestCalibrate(t *testing.T) {
	p := scenario.NewProgram(t)
	photos := t.TempDir()
	for i := range 120 {
		scenario.WritePicture(t, filepath.Join(photos, fmt.Sprint(i)+".jpg"), i)
	}
	p.Must(0, "120 added", "index", photos)
	type answer struct {
		Query     string   `json:"query"`
		Verdict   *string  `json:"verdict"`
		Threshold *float64 `json:"threshold"`
		Results   []struct {
			Score float64 `json:"score"`
		} `json:"results"`
	}
	words := strings.Fields(`sea sky tree car boat child dog cat horse bird house road snow beach river hill food chair book lamp
		ball cloud flower guitar train plane bridge castle fish tiger desk phone clock bottle window ladder rope wheel candle mirror`)
	asked, _, code := p.Run(strings.Join(words, "\n"), "search", "--queries", "-", "--top", "1")
	if code != 0 {
		t.Fatal(asked)
	}
	var answers []answer
	for line := range strings.Lines(asked) {
		var a answer
		if err := json.Unmarshal([]byte(line), &a); err != nil {
			t.Fatal(err)
		}
		answers = append(answers, a)
	}
	slices.SortFunc(answers, func(a, b answer) int { return cmp.Compare(a.Results[0].Score, b.Results[0].Score) })
	var list strings.Builder
	for i, a := range answers {
		fmt.Fprintf(&list, "%s\t%s\n", map[bool]string{false: "absent", true: "present"}[i >= len(answers)/2], a.Query)
	}
	file := filepath.Join(t.TempDir(), "queries.tsv")
	if err := os.WriteFile(file, []byte(list.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	threshold := func() (a answer) {
		t.Helper()
		out := p.Must(0, "", "search", "--json", answers[len(answers)-1].Query)
		if err := json.Unmarshal([]byte(out), &a); err != nil || a.Threshold == nil {
			t.Fatalf("%v: %s", err, out)
		}
		return a
	}
	before := *threshold().Threshold
	p.Must(0, "cross-validated", "models", "calibrate", "--dry-run", "--queries", file)
	if got := *threshold().Threshold; got != before {
		t.Errorf("a dry run changed the threshold from %v to %v", before, got)
	}
	out := p.Must(0, `"stored":true`, "models", "calibrate", "starter", "--json", "--queries", file)
	var kept struct {
		Pictures, Absent, Present int
		Rates                     struct {
			Misses float64 `json:"misses"`
		}
		InUse *struct{} `json:"in_use"`
	}
	if err := json.Unmarshal([]byte(out), &kept); err != nil || kept.Pictures != 120 || kept.Absent != 20 || kept.Present != 20 || kept.Rates.Misses > 0.3 || kept.InUse == nil {
		t.Errorf("%v: %s", err, out)
	}
	a := threshold()
	low, high := answers[len(answers)/2-1].Results[0].Score, answers[len(answers)/2].Results[0].Score
	if *a.Threshold == before || *a.Threshold < low-0.02 || *a.Threshold > high+0.02 || a.Verdict == nil || *a.Verdict != "found" {
		t.Errorf("the threshold is %v, between %v and %v; %v", *a.Threshold, low, high, *a.Verdict)
	}
	best := answers[len(answers)-1].Query
	p.Must(0, ".jpg", "search", "--confident", best)
	p.Must(0, "no more photos found", "search", "--confident", "--offset", "500", best)
	p.Must(5, "no matching photos", "search", "--confident", "--min-score", "0.99", best)
	away := filepath.Join(t.TempDir(), "away")
	if err := os.Rename(photos, away); err != nil {
		t.Fatal(err)
	}
	for _, format := range []string{"table", "paths"} {
		p.Must(5, "no photos found whose files still exist", "search", "--confident", "--format", format, best)
	}
	if err := os.Rename(away, photos); err != nil {
		t.Fatal(err)
	}
	p.Must(0, "has no stored calibration", "models", "calibrate", "--reset")
	if got := *threshold().Threshold; got != before {
		t.Errorf("after --reset, the threshold is %v, was %v", got, before)
	}
}
