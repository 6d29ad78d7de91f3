package index

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/embed"
	"github.com/imgsearch/imgsearch/index"
	"github.com/imgsearch/imgsearch/internal/app"
	"github.com/imgsearch/imgsearch/internal/english"
	"github.com/imgsearch/imgsearch/internal/wire"
	"github.com/imgsearch/imgsearch/internal/words"
	"github.com/imgsearch/imgsearch/scan"
)

// indexJSON is the machine format of a run's summary (docs/json.md).
type indexJSON struct {
	Schema          int            `json:"schema"`
	Complete        bool           `json:"complete"`
	Scanned         int            `json:"scanned"`
	Added           int            `json:"added"`
	Updated         int            `json:"updated"`
	Moved           int            `json:"moved"`
	Unchanged       int            `json:"unchanged"`
	Removed         int            `json:"removed"`
	KeptUnreachable int            `json:"kept_unreachable"`
	Skipped         map[string]int `json:"skipped"`
	Failed          int            `json:"failed"`
	FailedKnown     int            `json:"failed_known"`
	Embedded        int            `json:"embedded"`
	Damaged         int            `json:"damaged"`
	ElapsedS        float64        `json:"elapsed_s"`
	ImagesPerS      float64        `json:"images_per_s"`
	Model           string         `json:"model"`
	Precision       string         `json:"precision"`
	Provider        string         `json:"provider"`
	ProviderReason  string         `json:"provider_reason"`
	TextsRead       int            `json:"texts_read"`
	WithText        int            `json:"with_text"`
	TextsLeft       int            `json:"texts_left"`
	TextModel       string         `json:"text_model"`
	DryRun          *dryRunJSON    `json:"dry_run,omitempty"`
	DryRunText      *dryRunText    `json:"dry_run_text,omitempty"`
}

// dryRunJSON is set only in a dry run.
type dryRunJSON struct {
	Pending   int     `json:"pending"`
	Gone      int     `json:"gone"`
	EstimateS float64 `json:"estimate_s"`
}

// dryRunText is set only in a dry run of an index in which text is read: the pictures whose text would be read, and how long it would take.
type dryRunText struct {
	Pending   int     `json:"pending"`
	EstimateS float64 `json:"estimate_s"`
}

// print prints the summary of a run.
func (r *indexing) print(done app.Indexed) error {
	sum := done.Summary
	rate := 0.0
	if s := (sum.Elapsed - sum.TextElapsed).Seconds(); s > 0 {
		rate = float64(sum.Embedded) / s
	}
	if r.p.JSON {
		out := indexJSON{
			Schema: wire.Schema, Complete: sum.Complete, Scanned: sum.Scanned, Added: sum.Added, Updated: sum.Updated,
			Moved: sum.Moved, Unchanged: sum.Unchanged, Removed: sum.Removed, KeptUnreachable: sum.Kept, Skipped: sum.Skipped,
			Failed: sum.Failed, FailedKnown: sum.FailedKnown, Embedded: sum.Embedded, Damaged: sum.Damaged,
			ElapsedS: wire.Round(sum.Elapsed.Seconds(), 3), ImagesPerS: wire.Round(rate, 2),
			Model: done.Model.Spec.Model.Name, Precision: string(done.Model.Precision), Provider: done.Provider.Name, ProviderReason: words.ProviderReason(done.Provider, cli.Door),
			TextsRead: sum.TextsRead, WithText: sum.WithText, TextsLeft: sum.TextsLeft, TextModel: done.TextModel,
		}
		if r.dryRun {
			out.DryRun = &dryRunJSON{Pending: sum.Pending, Gone: sum.Gone, EstimateS: wire.Round(sum.Estimate.Seconds(), 1)}
			if done.TextModel != "" {
				out.DryRunText = &dryRunText{sum.TextsPending, wire.Round(sum.TextEstimate.Seconds(), 1)}
			}
		}
		if err := cli.PrintJSON(r.p.Out, out); err != nil || r.dryRun || !r.p.LogsLines() {
			return err
		}
	}
	if r.dryRun {
		if _, err := fmt.Fprintln(r.p.Out, dryRunLine(sum)); err != nil || sum.TextsPending == 0 {
			return err
		}
		_, err := fmt.Fprintf(r.p.Out, "text in %s to read, about %s\n", english.Count(sum.TextsPending, "picture"), english.Duration(sum.TextEstimate))
		return err
	}
	r.p.Note(summaryLine(sum, rate, done.Model, done.Provider), countAttrs(sum)...)
	if line := textLine(sum); line != "" {
		r.p.Notef("%s", line)
	}
	return nil
}

func dryRunLine(sum index.Summary) string {
	line := fmt.Sprintf("%s to read", english.Count(sum.Pending, "file"))
	if sum.Pending > 0 {
		line += fmt.Sprintf(", about %s", english.Duration(sum.Estimate))
	}
	line += fmt.Sprintf("; %d unchanged", sum.Unchanged)
	if sum.Gone > 0 {
		line += fmt.Sprintf(", %d missing or excluded", sum.Gone)
	}
	if sum.FailedKnown > 0 {
		line += fmt.Sprintf(", %d known to be broken", sum.FailedKnown)
	}
	return line + skippedText(sum.Skipped)
}

func summaryLine(sum index.Summary, rate float64, m app.Model, provider embed.Provider) string {
	var parts []string
	add := func(n int, what string) {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, what))
		}
	}
	add(sum.Added, "added")
	add(sum.Updated, "updated")
	add(sum.Moved, "moved")
	add(sum.Unchanged, "unchanged")
	add(sum.Removed, "removed")
	add(sum.Kept, "missing but kept")
	add(sum.Damaged, "partly damaged")
	add(sum.Failed, "could not be read")
	add(sum.FailedKnown, "known to be broken")
	if len(parts) == 0 && sum.Stopped == index.NotStopped {
		parts = append(parts, "no photos found")
	} else if len(parts) == 0 {
		parts = append(parts, "no files processed")
	}
	line := strings.Join(parts, ", ") + skippedText(sum.Skipped) + " in " + english.Duration(sum.Elapsed)
	if sum.Embedded > 0 {
		on := provider.Name
		if provider.IsChosen {
			on += ": " + words.ProviderReason(provider, cli.Door)
		}
		line += fmt.Sprintf(" (%.1f images/s, %s on %s)", rate, m.Spec.Model.Name, on)
	}
	switch sum.Stopped {
	case index.Interrupted:
		line = "interrupted; " + line + "; the next run resumes"
	case index.TimeUp:
		line = "reached the time limit; " + line + "; the next run resumes"
	case index.NotStopped:
	}
	return line
}

// textLine returns what was done about the text in pictures, and what is left; "" if that is nothing.
func textLine(sum index.Summary) string {
	var parts []string
	if sum.TextsRead > 0 {
		parts = append(parts, fmt.Sprintf("read the text in %s (%d with text)", english.Count(sum.TextsRead, "picture"), sum.WithText))
	}
	if sum.TextsLeft > 0 {
		parts = append(parts, fmt.Sprintf("the text in %s is still to be read; the next run continues", english.Count(sum.TextsLeft, "picture")))
	}
	return strings.Join(parts, "; ")
}

// skippedText returns the counts of skipped files, by reason.
func skippedText(skipped map[string]int) string {
	if len(skipped) == 0 {
		return ""
	}
	var parts []string
	for _, reason := range slices.Sorted(maps.Keys(skipped)) {
		what := strings.ReplaceAll(reason, "_", " ")
		if n := skipped[reason]; slices.Contains([]scan.Reason{scan.Video, scan.LivePhoto, scan.Sidecar}, scan.Reason(reason)) {
			what = english.Count(n, what)
		} else {
			what = fmt.Sprintf("%d %s", n, what)
		}
		parts = append(parts, what)
	}
	return " (skipped: " + strings.Join(parts, ", ") + ")"
}
