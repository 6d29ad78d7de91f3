package words

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"github.com/imgsearch/imgsearch/embed"
	"github.com/imgsearch/imgsearch/embed/ortlib"
	"github.com/imgsearch/imgsearch/embed/provider"
	"github.com/imgsearch/imgsearch/embed/quantize"
	"github.com/imgsearch/imgsearch/index"
	"github.com/imgsearch/imgsearch/index/calibrate"
	"github.com/imgsearch/imgsearch/index/query"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/app"
	"github.com/imgsearch/imgsearch/internal/fserr"
	"github.com/imgsearch/imgsearch/internal/pictures"
	"github.com/imgsearch/imgsearch/models"
	"github.com/imgsearch/imgsearch/models/hub"
	"github.com/imgsearch/imgsearch/scan"
)

// Error says what an error means.
func Error(err error, do Door) Word {
	w := Word{Code: Failed, Sentence: err.Error()}
	if typed(err, do, &w) {
		return w
	}
	for _, m := range meanings {
		if errors.Is(err, m.is) {
			w.Code = m.code
			if m.hint != nil {
				w.Hint = m.hint(do)
			}
			return w
		}
	}
	return w
}

// typed says what errors mean that carry more than their kind.
func typed(err error, do Door, w *Word) bool {
	if e, ok := errors.AsType[*scan.PatternError](err); ok {
		w.Code, w.Hint = Usage, fmt.Sprintf("patterns are in gitignore syntax; %q is none", e.Pattern)
		return true
	}
	if e, ok := errors.AsType[*pictures.UnreadableError](err); ok {
		w.Code, w.Sentence = Usage, Path(e.Path)+": "+fserr.Cause(e.Err).Error()
		w.Hint = "docs/formats.md lists what is read"
		if _, ok := errors.AsType[*fs.PathError](e.Err); ok {
			w.Hint = "give a picture that can be read"
		}
		return true
	}
	if _, ok := errors.AsType[*fserr.DeniedError](err); ok {
		w.Hint = "run it as the owner, ask for the right to read it, or use another index with " + do(ChooseIndex)
		return true
	}
	if e, ok := errors.AsType[*index.TooLargeError](err); ok {
		w.Sentence = fmt.Sprintf("%d x %d pixels are more than %s %d", e.Width, e.Height, do(MaxPixels), e.Limit)
		return true
	}
	if e, ok := errors.AsType[*index.NoMemoryError](err); ok {
		w.Sentence = e.Error() + " (" + do(MaxMemory) + ")"
		return true
	}
	if e, ok := errors.AsType[*app.NotInstalledError](err); ok {
		w.Code, w.Hint = Model, "download it with "+do(PullModel, e.Name)
		return true
	}
	if _, ok := errors.AsType[*app.RemovedError](err); ok {
		w.Code, w.Hint = Model, "pull it again ("+do(PullAgain)+"), or choose another with "+do(UseModel)
		return true
	}
	if e, ok := errors.AsType[*app.NoVectorsError](err); ok {
		w.Code, w.Hint = NoVectors, "make them with "+do(IndexModel, e.Asked.Name, e.Asked.Precision)
		return true
	}
	if _, ok := errors.AsType[*app.CatalogueNameError](err); ok {
		w.Code, w.Hint = Usage, "give it another name ("+do(PullFrom)+" takes any)"
		return true
	}
	return false
}

// meaning is what a kind of error means.
type meaning struct {
	is   error
	code Code
	hint func(Door) string // nil: nothing is to be done
}

// say is a hint without an action in it.
func say(hint string) func(Door) string { return func(Door) string { return hint } }

var (
	freeSomeDisk = func(do Door) string {
		return "free some space, or put what grows elsewhere (" + do(Elsewhere) + "); what was finished is safe, the next run continues"
	}
	modelFolder = func(do Door) string {
		return "a model is a folder with config.json, visual/ and textual/; " + do(ExamineModel) + " examines it"
	}
	getRuntime = func(do Door) string {
		return "install imgsearch from a release or by `make build`, which carries the library, or give one: " + do(NameLibrary) +
			" (pip download --no-deps onnxruntime==1.32.0 has it inside)"
	}
)

// meanings are those of the libraries' sentinels, the more special first.
var meanings = []meaning{
	{app.ErrNoModels, Usage, say("set IMGSEARCH_MODELS to a folder")},
	{app.ErrNoHome, Usage, func(do Door) string { return "give the index with " + do(NameIndex) }},
	{app.ErrPrecision, Usage, say("give fp32 or int8")},
	{app.ErrBuiltIn, Usage, say("it is always there")},
	{app.ErrNotRepository, Usage, func(do Door) string { return "give ORGANISATION/NAME, or " + do(PullFrom) + " for a folder" }},
	{store.ErrNoIndex, NoIndex, func(do Door) string { return "make one with " + do(IndexFolder) }},
	{store.ErrNewer, NewerIndex, func(do Door) string { return "update imgsearch, or use another index with " + do(ChooseIndex) }},
	{store.ErrOlder, Failed, func(do Door) string {
		return "run " + do(RunIndex) + " as a user who may write it, or copy it to a place that can be written and name that with " + do(ChooseIndex)
	}},
	{store.ErrNotIndex, Failed, func(do Door) string { return "give another path with " + do(NameIndex) }},
	{store.ErrReadOnly, Failed, func(do Door) string {
		return "searching it works; to index, make the file and its folder writable or use another with " + do(ChooseIndex)
	}},
	{store.ErrFull, Failed, freeSomeDisk},
	{syscall.ENOSPC, Failed, freeSomeDisk},
	{store.ErrDamaged, Failed, func(do Door) string {
		return do(Repair) + " saves what can be read; the photos themselves are not touched by this"
	}},
	{store.ErrNoRoot, Usage, func(do Door) string { return do(ListRoots) + " shows the roots" }},
	{store.ErrBusy, Busy, func(do Door) string { return "wait for it to end; " + do(IndexIfIdle) + " leaves quietly instead" }},
	{query.ErrCancelOut, Usage, say("leave one of them out, or give weights")},
	{query.ErrNoVerdict, Usage, func(do Door) string { return "calibrate the model first: " + do(Calibrate) }},
	{calibrate.ErrQueries, Usage, say("a line is \"absent\" or \"present\", a tab and a query")},
	{calibrate.ErrFew, Usage, say("give more queries, or index more pictures first")},
	{calibrate.ErrInseparable, Failed, say("nothing was stored; check that no picture shows an absent query and that some picture shows each present one")},
	{models.ErrUnknown, Usage, func(do Door) string {
		return do(ListModels) + " shows the names; the folder of a model may be given too"
	}},
	{models.ErrNotInstalled, Model, func(do Door) string { return "download it with " + do(PullModel) }},
	{hub.ErrOffline, Failed, func(do Door) string { return "unset HF_HUB_OFFLINE, or give a folder with " + do(PullFrom) }},
	{hub.ErrDenied, Failed, say("the repository wants a token: set HF_TOKEN to one that may read it")},
	{hub.ErrNotFound, Failed, say("check the name, the revision and HF_ENDPOINT; the layout that is read stands in docs/models.md")},
	{hub.ErrCorrupt, Failed, func(do Door) string { return "nothing was installed; try again later, or another " + do(Revision) }},
	{hub.ErrUnreachable, Failed, say("check the network, the proxy (HTTPS_PROXY) and HF_ENDPOINT; what came is kept, the next pull continues")},
	{hub.ErrBusy, Busy, say("wait for it to end")},
	{hub.ErrTaken, Usage, func(do Door) string {
		return "give another name, or remove what is there first (" + do(RemoveModel) + ", or move your files away)"
	}},
	{hub.ErrNoSpace, Failed, say("free some space, or set IMGSEARCH_MODELS to a folder on another disk; what came is kept, the next pull continues")},
	{quantize.ErrNothing, Usage, func(do Door) string { return "this model gains nothing from int8: leave it at " + do(FP32) }},
	{embed.ErrNoMemory, Failed, func(do Door) string {
		return "raise the limit (ulimit -v, the container's), or choose a smaller model: " + do(ListModels) + " shows what each takes"
	}},
	{models.ErrMissing, Model, modelFolder},
	{models.ErrDamaged, Model, modelFolder},
	{provider.ErrMissing, Model, func(do Door) string {
		return "leave " + do(Provider) + " out: the fastest one that works is taken; a build of the runtime library that has it is given by " + do(Library) +
			" (docs/providers.md says what each takes)"
	}},
	{embed.ErrProviderCrashed, Failed, say("run it again: what was done is kept, and the next run does not count on that provider blindly")},
	{ortlib.ErrNotFound, Model, getRuntime},
	{ortlib.ErrNoPlace, Model, say("set HOME, or IMGSEARCH_CACHE to a folder that takes files and may hold programs")},
	{ortlib.ErrUnusable, Model, getRuntime},
	{context.Canceled, Interrupted, nil},
}
