package cmd

import (
	"fmt"
	"strings"

	"github.com/imgsearch/imgsearch/embed"
	"github.com/imgsearch/imgsearch/index"
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
	DryRun          *dryRunJSON    `json:"dry_run,omitempty"`
}

// dryRunJSON is there in a dry run only.
type dryRunJSON struct {
	Pending   int     `json:"pending"`
	Gone      int     `json:"gone"`
	EstimateS float64 `json:"estimate_s"`
}

func (o *indexOptions) print(sum index.Summary, m model, provider embed.Provider) error {
	rate := 0.0
	if s := sum.Elapsed.Seconds(); s > 0 {
		rate = float64(sum.Embedded) / s
	}
	if o.app.json {
		out := indexJSON{
			Schema: schemaVersion, Complete: sum.Complete, Scanned: sum.Scanned, Added: sum.Added, Updated: sum.Updated,
			Moved: sum.Moved, Unchanged: sum.Unchanged, Removed: sum.Removed, KeptUnreachable: sum.Kept, Skipped: sum.Skipped,
			Failed: sum.Failed, FailedKnown: sum.FailedKnown, Embedded: sum.Embedded, Damaged: sum.Damaged,
			ElapsedS: round(sum.Elapsed.Seconds(), 3), ImagesPerS: round(rate, 2),
			Model: m.spec.Model.Name, Precision: string(m.precision), Provider: provider.Name, ProviderReason: provider.Reason,
		}
		if o.dryRun {
			out.DryRun = &dryRunJSON{Pending: sum.Pending, Gone: sum.Gone, EstimateS: round(sum.Estimate.Seconds(), 1)}
		}
		return printJSON(o.app.streams.Out, out)
	}
	if o.dryRun {
		_, err := fmt.Fprintln(o.app.streams.Out, dryRunLine(sum))
		return err
	}
	o.app.notef("%s", summaryLine(sum, rate, m, provider))
	return nil
}

func dryRunLine(sum index.Summary) string {
	line := fmt.Sprintf("%s to read", count(sum.Pending, "file"))
	if sum.Pending > 0 {
		line += fmt.Sprintf(", about %s", humanTime(sum.Estimate))
	}
	line += fmt.Sprintf("; %d unchanged", sum.Unchanged)
	if sum.Gone > 0 {
		line += fmt.Sprintf(", %d gone or left out", sum.Gone)
	}
	if sum.FailedKnown > 0 {
		line += fmt.Sprintf(", %d known to be broken", sum.FailedKnown)
	}
	return line + skippedText(sum.Skipped)
}

func summaryLine(sum index.Summary, rate float64, m model, provider embed.Provider) string {
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
	add(sum.Kept, "gone but kept")
	add(sum.Damaged, "of them damaged")
	add(sum.Failed, "could not be read")
	add(sum.FailedKnown, "known to be broken")
	if len(parts) == 0 && sum.Stopped == index.NotStopped {
		parts = append(parts, "no photos found")
	} else if len(parts) == 0 {
		parts = append(parts, "nothing done yet")
	}
	line := strings.Join(parts, ", ") + skippedText(sum.Skipped) + " in " + humanTime(sum.Elapsed)
	if sum.Embedded > 0 {
		on := provider.Name
		if provider.IsChosen {
			on += ": " + provider.Reason
		}
		line += fmt.Sprintf(" (%.1f images/s, %s on %s)", rate, m.spec.Model.Name, on)
	}
	switch sum.Stopped {
	case index.Interrupted:
		line = "interrupted; " + line + "; the next run continues"
	case index.TimeUp:
		line = "time is up; " + line + "; the next run continues"
	case index.NotStopped:
	}
	return line
}
