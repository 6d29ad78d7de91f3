package words

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"github.com/imgsearch/imgsearch/embed"
	"github.com/imgsearch/imgsearch/embed/ocr"
	"github.com/imgsearch/imgsearch/embed/ortlib"
	"github.com/imgsearch/imgsearch/embed/provider"
	"github.com/imgsearch/imgsearch/embed/quantize"
	"github.com/imgsearch/imgsearch/index"
	"github.com/imgsearch/imgsearch/index/calibrate"
	"github.com/imgsearch/imgsearch/index/jobs"
	"github.com/imgsearch/imgsearch/index/query"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/app"
	"github.com/imgsearch/imgsearch/internal/english"
	"github.com/imgsearch/imgsearch/internal/fserr"
	"github.com/imgsearch/imgsearch/internal/pictures"
	"github.com/imgsearch/imgsearch/internal/regular"
	"github.com/imgsearch/imgsearch/models"
	"github.com/imgsearch/imgsearch/models/hub"
	"github.com/imgsearch/imgsearch/scan"
)

// Fault is Error for a session's record, on one line.
func Fault(err error, do Door) jobs.Fault {
	w := Error(err, do)
	return jobs.Fault{Code: string(w.Code), Message: english.OneLine(w.Sentence), Hint: w.Hint}
}

// Error describes an error to the user.
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

// typed describes errors that carry details, and reports whether err is one of them.
func typed(err error, do Door, w *Word) bool {
	if _, ok := errors.AsType[*scan.PatternError](err); ok {
		w.Code, w.Hint = Usage, "use gitignore syntax, such as *.png or /scans/"
		return true
	}
	if e, ok := errors.AsType[*pictures.UnreadableError](err); ok {
		w.Code, w.Sentence = Usage, Path(e.Path)+": "+fserr.Cause(e.Err).Error()
		w.Hint = "docs/formats.md lists the supported formats"
		if _, ok := errors.AsType[*fs.PathError](e.Err); ok {
			w.Hint = "check the path and the permissions of the file"
		}
		return true
	}
	if e, ok := errors.AsType[*store.LostError](err); ok {
		w.Code, w.Hint = NoIndex, "restore it with "+do(Restore, Path(e.Rescue))
		return true
	}
	if e, ok := errors.AsType[*store.ExtensionError](err); ok {
		w.Hint = extensionHint(e)
		return true
	}
	if _, ok := errors.AsType[*fserr.DeniedError](err); ok {
		w.Hint = "run imgsearch as the owner, ask for read permission, or use another index with " + do(ChooseIndex)
		return true
	}
	if e, ok := errors.AsType[*index.TooLargeError](err); ok {
		w.Sentence = fmt.Sprintf("%d x %d pixels exceed %s %d", e.Width, e.Height, do(MaxPixels), e.Limit)
		return true
	}
	if e, ok := errors.AsType[*index.NoMemoryError](err); ok {
		w.Sentence = e.Error() + " (" + do(MaxMemory) + ")"
		return true
	}
	if e, ok := errors.AsType[*app.OtherModelError](err); ok {
		w.Code, w.Hint = Model, "install the same files everywhere, with "+do(PullModel, e.Name)
		return true
	}
	if e, ok := errors.AsType[*app.NotInstalledError](err); ok {
		w.Code, w.Hint = Model, "download it with "+do(PullModel, e.Name)
		return true
	}
	if _, ok := errors.AsType[*app.RemovedError](err); ok {
		w.Code, w.Hint = Model, "download it again with "+do(PullAgain)+", or choose another model with "+do(UseModel)
		return true
	}
	if e, ok := errors.AsType[*app.NoVectorsError](err); ok {
		w.Code, w.Hint = NoVectors, "create them with "+do(IndexModel, e.Asked.Name, e.Asked.Precision)
		return true
	}
	if _, ok := errors.AsType[*app.CatalogueNameError](err); ok {
		w.Code, w.Hint = Usage, "choose another name; with "+do(PullFrom)+", you name the model yourself"
		return true
	}
	return false
}

// extensionHint returns the command that installs or updates pgvector.
func extensionHint(e *store.ExtensionError) string {
	database := Path(e.Database)
	switch {
	case e.Installed != "":
		return "update it as a superuser: psql -d " + database + " -c 'ALTER EXTENSION vector UPDATE', after installing a newer package if the server has none"
	case e.Available != "":
		return "create it as a superuser: psql -d " + database + " -c 'CREATE EXTENSION vector'"
	}
	major := "VERSION"
	if len(e.Server) > 4 {
		major = e.Server[:len(e.Server)-4]
	}
	return "install it on the server, such as with apt install postgresql-" + major + "-pgvector, and then, as a superuser: psql -d " + database + " -c 'CREATE EXTENSION vector'"
}

// meaning is the code and the hint for a kind of error.
type meaning struct {
	is   error
	code Code
	hint func(Door) string // nil: there is nothing to do
}

// say makes a hint that contains no action.
func say(hint string) func(Door) string { return func(Door) string { return hint } }

var (
	freeSomeDisk = func(do Door) string {
		return "free some disk space, or move the index, models or cache to another disk (" + do(Elsewhere) + "); finished work is kept, and the next run resumes"
	}
	moreFiles   = say("raise the limit of open files (ulimit -n), or close other programs")
	modelFolder = func(do Door) string {
		return "a model folder contains config.json, visual/ and textual/; check it with " + do(ExamineModel)
	}
	getRuntime = func(do Door) string {
		return "install imgsearch from a release or with `make build`, both of which include the library, or choose a library with " + do(NameLibrary) +
			" (the package from `pip download --no-deps onnxruntime==1.32.0` contains it)"
	}
)

// meanings are those of the libraries' sentinel errors, the most specific first.
var meanings = []meaning{
	{app.ErrNoModels, Usage, say("set IMGSEARCH_MODELS to a folder")},
	{app.ErrNoHome, Usage, func(do Door) string { return "choose an index with " + do(NameIndex) }},
	{app.ErrPrecision, Usage, say("use fp32 or int8")},
	{app.ErrBuiltIn, Usage, say("it needs no download")},
	{app.ErrTextBuiltIn, Usage, say("it needs no download")},
	{app.ErrPinned, Usage, func(do Door) string { return "omit " + do(Revision) }},
	{app.ErrNotRepository, Usage, func(do Door) string { return "use ORGANISATION/NAME, or " + do(PullFrom) + " for a local folder" }},
	{regular.ErrLink, Failed, say("replace the link with a regular file, or remove it")},
	{regular.ErrNotRegular, Failed, say("remove it, or put a regular file in its place")},
	{store.ErrNoIndex, NoIndex, func(do Door) string { return "create one with " + do(IndexFolder) }},
	{store.ErrNewer, NewerIndex, func(do Door) string { return "update imgsearch, or use another index with " + do(ChooseIndex) }},
	{store.ErrOlder, Failed, func(do Door) string {
		return "run " + do(RunIndex) + " as a user with write permission, or copy the index to a writable folder and choose the copy with " + do(ChooseIndex)
	}},
	{store.ErrNotIndex, Failed, func(do Door) string { return "choose another path with " + do(NameIndex) }},
	{store.ErrRole, Failed, say("searching still works; to index, use a role that owns the schema imgsearch: docs/postgres.md describes the rights")},
	{store.ErrServer, Failed, say("check that the server runs and accepts connections from this machine (listen_addresses, pg_hba.conf, firewall)")},
	{store.ErrLogin, Failed, say("check the user in the URL, and the password in ~/.pgpass or PGPASSWORD")},
	{store.ErrNoDatabase, Failed, say("create it with `createdb`, as a role that may create databases")},
	{app.ErrInDatabase, Usage, say("use the database's own tools: pg_dump copies the index, and pg_restore restores it")},
	{store.ErrReadOnly, Failed, func(do Door) string {
		return "searching still works; to index, make the file and its folder writable, or use another index with " + do(ChooseIndex)
	}},
	{store.ErrFull, Failed, freeSomeDisk},
	{syscall.ENOSPC, Failed, freeSomeDisk},
	{syscall.EDQUOT, Failed, freeSomeDisk},
	{syscall.EMFILE, Failed, moreFiles},
	{syscall.ENFILE, Failed, moreFiles},
	{store.ErrDamaged, Failed, func(do Door) string {
		return do(Repair) + " recovers what is readable; it does not touch your photos"
	}},
	{store.ErrNoRoot, Usage, func(do Door) string { return do(ListRoots) + " lists the roots" }},
	{store.ErrBusy, Busy, func(do Door) string {
		return "wait for it to finish; in scheduled jobs, use " + do(IndexIfIdle) + ", which then exits with 0"
	}},
	{query.ErrCancelOut, Usage, say("remove one of them, or give them weights")},
	{query.ErrNoVerdict, Usage, func(do Door) string { return "calibrate the model first: " + do(Calibrate) }},
	{calibrate.ErrQueries, Usage, say("each line must be \"absent\" or \"present\", a tab and a query")},
	{calibrate.ErrFew, Usage, say("add queries to the list, or index more pictures first")},
	{calibrate.ErrInseparable, Failed, say("nothing was stored; check that no picture matches an absent query, and that at least one picture matches each present query")},
	{models.ErrUnknown, Usage, func(do Door) string {
		return do(ListModels) + " lists the names; you can also use the path of a model folder"
	}},
	{models.ErrNotInstalled, Model, func(do Door) string { return "download it with " + do(PullModel) }},
	{hub.ErrOffline, Failed, func(do Door) string { return "unset HF_HUB_OFFLINE, or use a local folder with " + do(PullFrom) }},
	{hub.ErrDenied, Failed, say("the repository requires a token: set HF_TOKEN to one with read access")},
	{hub.ErrNotFound, Failed, say("check the name, the revision and HF_ENDPOINT; docs/models.md describes the expected layout")},
	{hub.ErrCorrupt, Failed, func(do Door) string {
		return "nothing was installed; try again later, or choose another revision with " + do(Revision)
	}},
	{hub.ErrUnreachable, Failed, say("check the network, the proxy (HTTPS_PROXY) and HF_ENDPOINT; the next pull resumes the download")},
	{hub.ErrBusy, Busy, say("wait for it to finish")},
	{hub.ErrTaken, Usage, func(do Door) string {
		return "choose another name, or first remove the existing model with " + do(RemoveModel) + " or move your own files away"
	}},
	{hub.ErrNoSpace, Failed, say("free some disk space, or set IMGSEARCH_MODELS to a folder on another disk; the next pull resumes the download")},
	{quantize.ErrNothing, Usage, func(do Door) string { return "this model gains nothing from int8: use " + do(FP32) }},
	{embed.ErrNoMemory, Failed, func(do Door) string {
		return "raise the memory limit (ulimit -v, or the container's), or choose a smaller model: " + do(ListModels) + " shows what each one needs"
	}},
	{ocr.ErrModel, Model, func(do Door) string {
		return "download it again with " + do(PullAgain) + ", choose another text model with " + do(UseModel) + ", or run " + do(WithoutText)
	}},
	{models.ErrMissing, Model, modelFolder},
	{models.ErrDamaged, Model, modelFolder},
	{provider.ErrMissing, Model, func(do Door) string {
		return "omit " + do(Provider) + " to use the fastest provider that works, or choose a runtime library that has this one with " + do(Library) +
			" (docs/providers.md lists what each provider needs)"
	}},
	{embed.ErrProviderCrashed, Failed, say("run the command again: finished work is kept, and the next run uses the processor or tests that provider in a child process first")},
	{ortlib.ErrNotFound, Model, getRuntime},
	{ortlib.ErrNoPlace, Model, say("set HOME, or set IMGSEARCH_CACHE to a folder of your own on a disk that allows executable files")},
	{ortlib.ErrUnusable, Model, getRuntime},
	{context.Canceled, Interrupted, nil},
}
