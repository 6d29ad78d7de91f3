package index

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/caught"
	"github.com/imgsearch/imgsearch/scan"
)

// textWay returns the way of a file from which the text of a known picture is read.
func textWay() []step {
	return []step{checkHere, waitForDisk, openFile, checkUnchanged, readTextHeader, checkLimits, reserveMemory, readContent, closeFile, decodeForText, readText}
}

// readTextOf reads the text of a known picture: from its preview if that is large enough, else from the first of its files that can be read. A
// picture that cannot be read now is left to a later run.
func (w *worker) readTextOf(ctx context.Context, t task) error {
	defer w.req.On.TextRead()
	err := errors.New("no file is left")
	if t.text.preview {
		err = w.readTextAt(ctx, task{place: t.text.first, text: t.text}, []step{loadTextPreview, decodeForText, readText})
		if done, err := endsText(ctx, err); done {
			return err
		}
	}
	for _, f := range t.text.files {
		one := task{place: f.Place, stat: f.Stat, device: f.Device, known: &store.FileState{File: f.File}, text: t.text}
		err = w.readTextAt(ctx, one, textWay())
		if done, err := endsText(ctx, err); done {
			return err
		}
	}
	if content, ok := errors.AsType[*ContentError](err); ok {
		w.req.On.Noticed(TextUnread{w.path(t.text.first), content})
	}
	return nil
}

// endsText reports whether a picture is done, or the run must end with an error. Otherwise, another file may be tried.
func endsText(ctx context.Context, err error) (done bool, fatal error) {
	if of, ok := errors.AsType[*indexError](err); ok {
		return true, of.err
	}
	return err == nil || ctx.Err() != nil, ctx.Err()
}

// readTextAt follows one way. Only errors of the index end the run.
func (w *worker) readTextAt(ctx context.Context, t task, way []step) error {
	w.journal.enter(w.slot, t.place, w.alone)
	defer w.journal.leave(w.slot)
	return w.follow(ctx, &reading{task: t, picture: t.text.picture, orientation: t.text.picture.Orientation, wantsText: true}, way)
}

var errAway = errors.New("the contents of the file are not on this machine")

// checkHere ends the way of a file that reading would download.
func checkHere(_ context.Context, w *worker, f *reading) (end bool, err error) {
	_, _, reason, err := scan.Stat(w.path(f.task.place))
	if err == nil && reason == scan.Placeholder {
		err = errAway
	}
	return false, err
}

var errSmallPreview = errors.New("the preview is too small")

// loadTextPreview loads the picture's preview if it is as good as a file.
func loadTextPreview(ctx context.Context, w *worker, f *reading) (end bool, err error) {
	previews, err := w.store.Previews(ctx, []store.PictureID{f.picture.ID})
	if err != nil {
		return false, &indexError{err}
	}
	f.data, f.orientation = previews[f.picture.ID], 1
	if f.source, err = w.req.Text.Reader.Open(bytes.NewReader(f.data)); err != nil {
		return false, err
	}
	h := f.source.Header()
	if min(h.Width, h.Height) < min(w.req.Text.Least, f.picture.Width, f.picture.Height) {
		return false, errSmallPreview
	}
	return false, nil
}

// readTextHeader recognises the picture as the text model needs it.
func readTextHeader(_ context.Context, w *worker, f *reading) (end bool, err error) {
	if f.source, err = w.req.Text.Reader.Open(f.file); err != nil {
		return false, err
	}
	f.header = f.source.Header()
	return false, nil
}

// decodeForText decodes the picture for its text alone.
func decodeForText(_ context.Context, _ *worker, f *reading) (end bool, err error) {
	err = f.decode()
	f.data = nil
	return false, err
}

// readText reads the text of the decoded picture and sends it to the index.
func readText(ctx context.Context, w *worker, f *reading) (end bool, err error) {
	if !f.wantsText {
		return true, nil
	}
	reader, err := w.textReader(ctx)
	if err != nil {
		return true, err
	}
	select {
	case w.textSlots <- struct{}{}:
	case <-ctx.Done():
		return true, ctx.Err()
	}
	lines, err := textIn(reader, f.decoded)
	<-w.textSlots
	f.decoded = nil
	if err == nil {
		w.textFailures.Store(0)
		return true, w.sendText(ctx, f.picture.ID, lines)
	}
	if w.textFailures.Add(1) >= maxTextFailures {
		return true, &indexError{fmt.Errorf("read the text in %q: %w", w.path(f.task.place), err)}
	}
	w.req.On.Noticed(TextUnread{w.path(f.task.place), err})
	return true, nil
}

// maxTextFailures is how many pictures in a row the text model may fail on before it, rather than they, is to blame. The run ends then.
const maxTextFailures = 3

func textIn(reader TextReader, p Picture) (lines []store.TextLine, err error) {
	defer caught.Error(&err)
	return reader.ReadText(p)
}

// sendText sends a picture's text to the index.
func (w *worker) sendText(ctx context.Context, id store.PictureID, lines []store.TextLine) error {
	return w.send(ctx, write{text: &pictureText{id, store.Text{Model: w.req.Text.Model, Lines: lines}}})
}

// pictureText is the text of a picture on its way to the index.
type pictureText struct {
	picture store.PictureID
	text    store.Text
}
