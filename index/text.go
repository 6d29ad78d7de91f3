package index

import (
	"context"
	"time"

	"github.com/imgsearch/imgsearch/index/store"
)

// TextRequest says how to read the text in pictures.
type TextRequest struct {
	// Model is the identity of the text model, Name its name for users.
	Model, Name string
	// Inline reads a picture's text when the picture is decoded for its vector. All other pictures' texts are read after all vectors.
	Inline bool
	// Reader reads pictures as the text model needs them. With Inline, Request.Reader must do so too.
	Reader Reader
	// Least is the short side, in pixels, from which a kept preview is as good as the file.
	Least int
	// AtOnce is how many texts are read at once, at most; 0: one.
	AtOnce int
	// Begin is called before texts are read after all vectors: no more vectors will be computed. It may be nil.
	Begin func()
	// Load waits for the text model. It is called when the first picture is ready, if there is one.
	Load func(context.Context) (TextReader, error)
}

// TextReader is a loaded text model. It may be used from several goroutines at once.
type TextReader interface {
	// ReadText returns the lines of text in a picture that TextRequest.Reader has decoded.
	ReadText(p Picture) ([]store.TextLine, error)
}

// textJournal is appended to the name of the journal for the pictures whose text is being read.
const textJournal = ".text"

// textStage reads the texts of pictures after all vectors. Its tasks are pictures, each with the files that may be read.
type textStage struct {
	*run

	// suspects are files that a crashed run was reading: they are read last, one at a time. hopeless ones crashed two runs.
	suspects, hopeless map[store.Place]bool
	aside              []task
	setAside           []store.Place // hopeless ones whose text is still wanted
	// roots are those whose files can be read.
	roots map[store.RootID]bool
}

// textTask is a picture whose text must be read.
type textTask struct {
	picture store.Picture
	files   []store.FileRecord
	preview bool
	// first is the place of the picture's first file, which stands for the picture in the journal and in messages.
	first store.Place
}

// readTexts reads the texts that are left, until the run is stopped.
func (r *run) readTexts(ctx context.Context, targets []target) (err error) {
	if r.req.Text == nil {
		return nil
	}
	begin := time.Now()
	if !r.stopped() {
		var ids []store.PictureID
		if ids, err = r.store.TextsToRead(ctx, r.req.Text.Model); err == nil {
			err = r.readTextsOf(ctx, targets, ids)
		}
	}
	r.counts.add(func(n *Summary) { n.TextElapsed = time.Since(begin) })
	if err != nil {
		return err
	}
	return r.countTexts(ctx)
}

// newTextStage returns the stage for the roots of targets that can be reached.
func (r *run) newTextStage(targets []target) *textStage {
	s := &textStage{run: r, roots: make(map[store.RootID]bool), suspects: make(map[store.Place]bool), hopeless: make(map[store.Place]bool)}
	for _, t := range targets {
		s.roots[t.root.ID] = true
	}
	for _, g := range r.gone {
		if g.unreachable != nil {
			delete(s.roots, g.root.ID)
		}
	}
	return s
}

// readTextsOf reads the texts of pictures.
func (r *run) readTextsOf(ctx context.Context, targets []target, ids []store.PictureID) error {
	if len(ids) == 0 {
		return nil
	}
	s := r.newTextStage(targets)
	j, left, err := openJournal(r.req.Journal + textJournal)
	if err != nil {
		return err
	}
	defer j.release()
	for _, f := range left {
		if s.suspects[f.place] = true; f.alone {
			s.hopeless[f.place] = true
		}
	}
	for place, alone := range r.req.TextSuspects {
		s.suspects[place], s.hopeless[place] = true, alone >= maxAlone
	}
	if err := j.clear(); err != nil {
		return err
	}
	for i, f := range left { // a run that is stopped before it comes to them leaves them to the next one
		j.enter(r.req.Jobs+i, f.place, f.alone)
	}
	r.journal, r.textSlots = j, make(chan struct{}, max(1, r.req.Text.AtOnce))
	if r.req.Text.Begin != nil {
		r.req.Text.Begin()
	}
	if err := r.stream(ctx, r.req.Jobs, false, func(ctx context.Context, out chan<- task) error { return s.feedTexts(ctx, ids, out) }); err != nil {
		return err
	}
	if len(s.aside) > 0 && !r.stopped() {
		s.found(len(s.aside))
		if err := r.stream(ctx, 1, true, func(ctx context.Context, out chan<- task) error { return r.feed(ctx, s.aside, out) }); err != nil {
			return err
		}
	}
	if len(left) > 0 && r.stopped() {
		return nil
	}
	return s.finish(j)
}

// finish removes the journal, unless pictures are set aside: it remembers them.
func (s *textStage) finish(j *journal) error {
	if len(s.setAside) == 0 {
		return j.close()
	}
	err := j.clear()
	for i, place := range s.setAside {
		j.enter(i, place, true)
	}
	return err
}

// textsAtOnce is the number of pictures that are looked up together.
const textsAtOnce = 256

// feedTexts sends the pictures that have a readable file or a preview.
func (s *textStage) feedTexts(ctx context.Context, ids []store.PictureID, out chan<- task) error {
	for len(ids) > 0 && !s.stopped() {
		some := ids[:min(textsAtOnce, len(ids))]
		ids = ids[len(some):]
		tasks, err := s.tasksOf(ctx, some)
		if err != nil {
			return err
		}
		s.found(len(tasks))
		if err := s.feed(ctx, tasks, out); err != nil {
			return err
		}
	}
	return nil
}

// found counts pictures whose text must be read.
func (s *textStage) found(pictures int) {
	for range pictures {
		s.req.On.TextFound()
	}
}

// tasksOf returns the tasks for pictures, and sets aside those with suspicious files.
func (s *textStage) tasksOf(ctx context.Context, ids []store.PictureID) ([]task, error) {
	records, err := s.store.Hits(ctx, ids, store.Filter{})
	if err != nil {
		return nil, err
	}
	known, err := s.store.Pictures(ctx, "", ids)
	if err != nil {
		return nil, err
	}
	var tasks []task
	for _, r := range records {
		t := &textTask{picture: r.Picture, preview: known[r.ID].Preview, first: r.Files[0].Place}
		suspicious, hopeless := false, -1
		for i, f := range r.Files {
			suspicious = suspicious || s.suspects[f.Place]
			if s.hopeless[f.Place] && !s.req.RetryFailed {
				hopeless = i
			}
			if !f.IsTwin && s.roots[f.Root] {
				t.files = append(t.files, f)
			}
		}
		one := task{text: t}
		switch {
		case hopeless >= 0:
			place := r.Files[hopeless].Place
			s.req.On.Noticed(TextSetAside{s.path(place)})
			s.setAside = append(s.setAside, place)
		case len(t.files) == 0 && !t.preview:
		case suspicious:
			s.aside = append(s.aside, one)
		default:
			tasks = append(tasks, one)
		}
	}
	return tasks, nil
}

// countTexts counts how many texts are left to read.
func (r *run) countTexts(ctx context.Context) error {
	totals, err := r.store.Totals(ctx)
	if err != nil {
		return err
	}
	c, err := r.store.TextCoverage(ctx, r.req.Text.Model)
	r.counts.add(func(n *Summary) { n.TextsLeft = max(totals.Pictures-c.Read, 0) })
	return err
}

// textReader waits for the text model.
func (r *run) textReader(ctx context.Context) (TextReader, error) {
	reader, err := r.req.Text.Load(ctx)
	if err != nil {
		return nil, &indexError{err}
	}
	return reader, nil
}
