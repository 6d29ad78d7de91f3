// Package migrate copies an index into another one, of whatever store: roots, files, pictures, vectors, texts, previews, failures, models, labels and
// settings. It must not know which stores they are, or the terminal.
package migrate

import (
	"context"
	"fmt"
	"slices"

	"github.com/imgsearch/imgsearch/index/store"
)

// Counts are the numbers of what an index has, or of what was copied.
type Counts struct {
	Files, Pictures, Vectors, Texts, Previews, Failures int
}

func (c *Counts) add(d Counts) {
	c.Files += d.Files
	c.Pictures += d.Pictures
	c.Vectors += d.Vectors
	c.Texts += d.Texts
	c.Previews += d.Previews
	c.Failures += d.Failures
}

// Renamed is the notice that a root has another path in the destination, where another root has its own.
type Renamed struct{ From, To string }

// Request says what to copy. The caller holds the lock of the destination.
type Request struct {
	From, To store.Store
	// Noticed is called with Renamed.
	Noticed func(notice any)
	// Progress is called with the number of pictures done, of all.
	Progress func(done, all int)
}

// Result is what a migration did.
type Result struct {
	// Copied is what the destination did not have.
	Copied Counts
	// From is what the source has, and To what the destination has of it.
	From, To Side
	// Kept is the number of pictures for which the destination has something else than the source, from before.
	Kept int
}

// Side is one side of the comparison at the end. Two sides with the same content have the same sum.
type Side struct {
	Counts

	Sum [32]byte
}

// atOnce is the number of pictures that are copied in one transaction.
const atOnce = 2000

// Run copies what the destination does not have, and then compares both. What it has committed stays if it is interrupted, and is not copied again.
// Pictures without a file are left out, and so are the history of runs and the vectors of texts that were searched for.
func Run(ctx context.Context, r Request) (out Result, err error) {
	m := &migration{Request: r, ctx: ctx}
	if err := m.prepare(); err != nil {
		return out, err
	}
	if out.Copied, err = m.pictures(m.copy); err != nil {
		return out, err
	}
	if out.Copied.Failures, err = m.failures(); err != nil {
		return out, err
	}
	if err := m.labels(); err != nil {
		return out, err
	}
	for _, model := range m.models {
		if err := r.To.PrepareSearch(ctx, model.Identity); err != nil {
			return out, fmt.Errorf("prepare searches with %s: %w", model.Name, err)
		}
	}
	_, err = m.pictures(func(ids []store.PictureID) (Counts, error) {
		kept, err := m.compare(ids, &out.From, &out.To)
		out.Kept += kept
		return Counts{}, err
	})
	return out, err
}

// migration is one run.
type migration struct {
	Request

	ctx    context.Context //nolint:containedctx // a migration is one call of Run
	models store.Models
	// roots are those of the source.
	roots []store.Root
	total int
}

// prepare copies roots, models and settings.
func (m *migration) prepare() (err error) {
	if m.roots, err = m.From.Roots(m.ctx); err != nil {
		return err
	}
	var mounts []store.Mount
	if shared, ok := m.From.(store.Shared); ok {
		if mounts, err = shared.Mounts(m.ctx); err != nil {
			return err
		}
	}
	for _, root := range m.roots {
		got, err := m.To.ImportRoot(m.ctx, root, mounts)
		if err != nil {
			return err
		}
		if got.Path != root.Path && !root.Elsewhere {
			m.Noticed(Renamed{root.Path, got.Path})
		}
	}
	if err := m.copyModels(); err != nil {
		return err
	}
	for _, s := range []store.Setting{store.SettingOCR, store.SettingTextModel} {
		value, err := m.From.Setting(m.ctx, s)
		if err != nil {
			return err
		}
		have, err := m.To.Setting(m.ctx, s)
		if err != nil {
			return err
		}
		if have == "" && value != "" {
			if err := m.To.SetSetting(m.ctx, s, value); err != nil {
				return err
			}
		}
	}
	n, err := m.From.Totals(m.ctx)
	m.total = n.Pictures
	return err
}

// copyModels copies the models. In an index that has models, their roles stay.
func (m *migration) copyModels() (err error) {
	if m.models, err = m.From.Models(m.ctx); err != nil {
		return err
	}
	before, err := m.To.Models(m.ctx)
	if err != nil {
		return err
	}
	for _, model := range m.models {
		put, err := m.To.PutModel(m.ctx, model)
		if err != nil {
			return err
		}
		if model.Calibration != nil && put.Calibration == nil {
			if err := m.To.SetCalibration(m.ctx, model.Identity, model.Calibration); err != nil {
				return err
			}
		}
	}
	if len(before) > 0 {
		return nil
	}
	for _, role := range []store.Role{store.Default, store.Wanted} {
		if model, ok := m.models.Of(role); ok {
			if err := m.To.SetRole(m.ctx, model.Identity, role); err != nil {
				return err
			}
		}
	}
	return nil
}

// pictures calls work with all pictures of the source, in parts.
func (m *migration) pictures(work func([]store.PictureID) (Counts, error)) (sum Counts, err error) {
	var low, high store.PictureID
	for i := range high {
		high[i] = 0xff
	}
	for done := 0; ; {
		ids, err := m.From.FindPictures(m.ctx, low, high, atOnce)
		if err != nil || len(ids) == 0 {
			return sum, err
		}
		n, err := work(ids)
		if err != nil {
			return sum, err
		}
		sum.add(n)
		done += len(ids)
		m.Progress(min(done, m.total), m.total)
		if low = ids[len(ids)-1]; low == high {
			return sum, nil
		}
		for i := len(low) - 1; i >= 0; i-- { // the next id
			if low[i]++; low[i] != 0 {
				break
			}
		}
	}
}

// content is what an index has of some pictures.
type content struct {
	records  []store.Record
	vectors  map[string]map[store.PictureID][]store.Vector // by model
	texts    map[store.PictureID]store.Text
	previews map[store.PictureID][]byte
}

func (m *migration) read(s store.Store, ids []store.PictureID) (c content, err error) {
	if c.records, err = s.Hits(m.ctx, ids, store.Filter{}); err != nil {
		return c, err
	}
	present := make([]store.PictureID, len(c.records)) // those with a file
	for i, r := range c.records {
		present[i] = r.ID
	}
	c.vectors = make(map[string]map[store.PictureID][]store.Vector)
	for _, model := range m.models {
		if c.vectors[model.Identity], err = s.Moments(m.ctx, model.Identity, present); err != nil {
			return c, err
		}
	}
	if c.texts, err = s.Texts(m.ctx, present); err != nil {
		return c, err
	}
	c.previews, err = s.Previews(m.ctx, present)
	return c, err
}

// copy copies what the destination does not have of some pictures.
func (m *migration) copy(ids []store.PictureID) (n Counts, err error) {
	from, err := m.read(m.From, ids)
	if err != nil {
		return n, err
	}
	there, err := m.filesAt(from.records)
	if err != nil {
		return n, err
	}
	has, err := m.To.Pictures(m.ctx, "", ids)
	if err != nil {
		return n, err
	}
	moments := make(map[string]map[store.PictureID][]store.Vector) // by model
	for _, model := range m.models {
		if moments[model.Identity], err = m.To.Moments(m.ctx, model.Identity, ids); err != nil {
			return n, err
		}
	}
	tx, err := m.To.Begin(m.ctx)
	if err != nil {
		return n, err
	}
	defer tx.Rollback()
	var files []store.FileRecord
	for _, r := range from.records {
		wanted := slices.Clone(r.Files)
		wanted = slices.DeleteFunc(wanted, func(f store.FileRecord) bool { return !isNewer(f, there[f.Place].File) })
		known, exists := has[r.ID]
		if !exists && len(wanted) == 0 {
			continue // the destination has other pictures at its places
		}
		if !exists {
			n.Pictures++
		}
		files = append(files, wanted...)
		if err := m.copyPicture(tx, r, from, known, moments, &n); err != nil {
			return n, err
		}
	}
	if err := tx.PutFiles(m.ctx, files); err != nil {
		return n, err
	}
	n.Files = len(files)
	return n, tx.Commit(m.ctx)
}

// filesAt returns what the destination has at the places of pictures.
func (m *migration) filesAt(records []store.Record) (map[store.Place]store.Known, error) {
	var places []store.Place
	for _, r := range records {
		for _, f := range r.Files {
			places = append(places, f.Place)
		}
	}
	return m.To.Known(m.ctx, "", places)
}

// isNewer reports whether a file of the source is to be copied: the destination has none at its place, or an earlier state of it.
func isNewer(f store.FileRecord, there *store.KnownFile) bool {
	return there == nil || !f.Same(there.Stat) && f.MTimeNS > there.MTimeNS
}

func (m *migration) copyPicture(tx store.Tx, r store.Record, from content, known store.KnownPicture, moments map[string]map[store.PictureID][]store.Vector, n *Counts) error {
	if err := tx.PutPicture(m.ctx, r.Picture); err != nil {
		return err
	}
	for _, model := range m.models {
		have := moments[model.Identity][r.ID]
		for _, v := range from.vectors[model.Identity][r.ID] {
			if slices.ContainsFunc(have, func(h store.Vector) bool { return h.Number == v.Number }) {
				continue
			}
			if err := tx.PutVector(m.ctx, model.Identity, v); err != nil {
				return err
			}
			n.Vectors++
		}
	}
	if text, ok := from.texts[r.ID]; ok && known.TextModel == "" {
		if _, err := tx.PutText(m.ctx, r.ID, text); err != nil {
			return err
		}
		n.Texts++
	}
	if jpeg, ok := from.previews[r.ID]; ok && !known.Preview {
		if err := tx.PutPreview(m.ctx, r.ID, jpeg); err != nil {
			return err
		}
		n.Previews++
	}
	return nil
}

// failures copies the failures of files that the destination does not have, bystanders included.
func (m *migration) failures() (n int, err error) {
	for _, root := range m.roots {
		dirs, err := m.From.FailureFolders(m.ctx, store.Folder{Root: root.ID})
		if err != nil {
			return n, err
		}
		for _, dir := range dirs {
			k, err := m.copyFailures(store.Folder{Root: root.ID, Dir: dir})
			n += k
			if err != nil {
				return n, err
			}
		}
	}
	return n, nil
}

func (m *migration) copyFailures(at store.Folder) (n int, err error) {
	from, err := m.From.Folder(m.ctx, at, "")
	if err != nil {
		return 0, err
	}
	to, err := m.To.Folder(m.ctx, at, "")
	if err != nil {
		return 0, err
	}
	tx, err := m.To.Begin(m.ctx)
	if err != nil {
		return 0, err
	}
	defer tx.Rollback()
	for name, f := range from.Failures {
		if _, known := to.Failures[name]; known {
			continue
		}
		if read, was := to.Files[name], from.Files[name]; read != nil && (was == nil || !read.Same(was.Stat)) {
			continue // the destination has read it since
		}
		if err := tx.PutFailure(m.ctx, f); err != nil {
			return 0, err
		}
		n++
	}
	return n, tx.Commit(m.ctx)
}

// labels labels the destination's pictures as the source's are, unless it has labels.
func (m *migration) labels() error {
	have, err := m.To.LabelState(m.ctx)
	if err != nil {
		return err
	}
	if have.Model != "" {
		_, err := m.To.LabelNew(m.ctx)
		return err
	}
	state, err := m.From.LabelState(m.ctx)
	if err != nil || state.Model == "" {
		return err
	}
	list, err := m.From.LabelVectors(m.ctx)
	if err != nil {
		return err
	}
	return m.To.Label(m.ctx, store.LabelRequest{Model: state.Model, Language: state.Language, Labels: list, Least: state.Least})
}
