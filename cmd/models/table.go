package models

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/dustin/go-humanize"

	"github.com/imgsearch/imgsearch/cmd/internal/cli"
	"github.com/imgsearch/imgsearch/internal/words"
	"github.com/imgsearch/imgsearch/models"
)

// print writes the table, at most 100 columns wide: installed models, recommended ones, then the others by recall.
func (l modelsJSON) print(p *cli.Program, all bool) error {
	list := slices.Clone(l.Models)
	slices.SortStableFunc(list, func(a, b modelListed) int {
		return cmp.Or(cmp.Compare(a.standing(), b.standing()), cmp.Compare(l.recallOf(b.Name), l.recallOf(a.Name)))
	})
	w := tabwriter.NewWriter(p.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tSTATE\tDISK\tMEMORY\tRECALL\tLANG")
	left := 0
	for _, m := range list {
		if !m.Fits && !m.Installed && !all {
			left++
			continue
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", words.Path(m.Name), m.state(), sizeOrNone(m.DiskBytes), sizeOrNone(m.MemoryBytes), l.recall(m.Name), words.Path(m.language()))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w, "\nTEXT MODEL\tSTATE\tDISK\tLANG")
	for _, m := range l.TextModels {
		state := "-"
		switch {
		case m.Name == models.TextBuiltinName:
			state = "built in"
		case m.Damaged != "":
			state = "damaged"
		case m.Installed:
			state = "installed"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", words.Path(m.Name), state, sizeOrNone(m.DiskBytes), strings.Join(m.Languages, ","))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	p.Notef("* on 1,000 photos of Flickr8k; the others on the 3,600 photos of Crossmodal-3600")
	if left > 0 {
		p.Notef("%d models are too large for this machine (%s of memory, %s of free disk space); use --all to list them", left, humanize.IBytes(l.Memory), humanize.IBytes(l.DiskFree))
	}
	return nil
}

// standing is the position of a model's group in the table.
func (m modelListed) standing() int {
	switch {
	case m.Name == models.StarterName:
		return 0
	case m.Installed:
		return 1
	case m.Fits && m.Recommended != "":
		return 2
	case m.Fits:
		return 3
	}
	return 4
}

// recallOf returns the published recall, or 0 if there is none.
func (l modelsJSON) recallOf(name string) float64 {
	e, _ := l.catalogue.Lookup(name)
	v, _ := e.Recall(models.EnglishRecall)
	return v
}

func (l modelsJSON) recall(name string) string {
	if name == models.StarterName {
		sum := 0.0
		for _, q := range starterQuality {
			sum += q.Value
		}
		return fmt.Sprintf("%.1f*", sum/float64(len(starterQuality)))
	}
	if v := l.recallOf(name); v > 0 {
		return fmt.Sprintf("%.1f", v)
	}
	return "-"
}

func (m modelListed) state() string {
	switch {
	case m.Name == models.StarterName:
		return "built in"
	case m.Damaged != "":
		return "damaged"
	case m.Installed:
		return "installed"
	case !m.Fits:
		return "too large"
	case m.Recommended != "":
		return "recommended"
	}
	return "-"
}

func (m modelListed) language() string {
	switch {
	case m.LanguageCount > 0:
		return fmt.Sprint(m.LanguageCount)
	case slices.Contains(m.Languages, "multilingual"):
		return "many"
	case len(m.Languages) == 0:
		return "-"
	}
	return strings.Join(m.Languages, ",")
}

func sizeOrNone(n int64) string {
	if n == 0 {
		return "-"
	}
	return humanize.IBytes(uint64(n))
}
