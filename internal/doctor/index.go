package doctor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/imgsearch/imgsearch/index"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/english"
	"github.com/imgsearch/imgsearch/internal/fserr"
)

func checkIndex(ctx context.Context, e *examination) {
	at, err := e.App.Index()
	if err != nil {
		e.failErr("index", err)
		return
	}
	at.Wait = 0 // doctor must answer quickly
	path := at.Location()
	ix, err := at.OpenForReading(ctx)
	if lost, ok := errors.AsType[*store.LostError](err); ok {
		e.add(Finding{Name: "index", Severity: Warning, Detail: "no index at " + path + ", but " + lost.Rescue + " is left over from an earlier one", Err: err})
		return
	}
	if errors.Is(err, store.ErrNoIndex) {
		e.warn("index", MakeIndex, "no index yet at %s", path)
		return
	}
	if err != nil {
		e.failErr("index", err)
		return
	}
	defer ix.Close()
	var findings []string
	var schema int
	if checker, ok := ix.(store.Checker); ok {
		if findings, err = checker.Integrity(ctx); err == nil {
			schema, err = checker.Schema(ctx)
		}
		if err != nil {
			e.failErr("index", err)
			return
		}
	}
	if len(findings) > 0 {
		e.fail("index", Repair, "%s is damaged: %s", path, strings.Join(findings, "; "))
		return
	}
	if !checkVectors(ctx, e, ix, path) {
		return
	}
	all, err := ix.Models(ctx)
	if err != nil {
		e.failErr("index", err)
		return
	}
	embedded := 0
	if e.model != nil {
		stored, _ := all.ByIdentity(e.model.Identity)
		embedded = stored.Embedded
	}
	n, err := ix.Totals(ctx)
	if err != nil {
		e.failErr("index", err)
		return
	}
	switch {
	case n.Pictures > 0 && embedded == 0 && e.model != nil:
		e.warn("index", RunIndex, "%s is intact (schema %d), %d pictures, none with vectors of model %s", path, schema, n.Pictures, e.model.Spec.Model.Name)
	case embedded < n.Pictures && e.model != nil:
		e.warn("index", RunIndex, "%s is intact (schema %d), %d of %d pictures have vectors", path, schema, embedded, n.Pictures)
	default:
		e.ok("index", "%s is intact (schema %d), %d pictures in %d files", path, schema, n.Pictures, n.Files)
	}
	if !at.InDatabase() {
		checkPrivate(e, path)
	}
	checkRoots(ctx, e, ix)
}

// checkVectors checks the vectors in the index and their copies. It returns false if vectors are damaged, or cannot be checked.
func checkVectors(ctx context.Context, e *examination, ix store.Store, path string) bool {
	checker, ok := ix.(store.Checker)
	if !ok {
		return true
	}
	damage, err := checker.CheckVectors(ctx)
	if err != nil {
		e.failErr("index", err)
		return false
	}
	for _, m := range damage.Copies {
		e.warn("vectors", RunIndex, "the vector file of model %s is damaged", m.Name)
	}
	if damage.Vectors > 0 {
		e.fail("index", DropVectors, "%s is damaged: %s in it changed after being stored", path, english.Count(damage.Vectors, "vector"))
		return false
	}
	return true
}

// checkPrivate checks that other users cannot read the index, which reveals what the photos show.
func checkPrivate(e *examination, path string) {
	info, err := os.Stat(path)
	if err == nil && runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		e.add(Finding{Name: "privacy", Severity: Warning, Advice: MakePrivate, Path: path, Detail: fmt.Sprintf("other users can read the index (mode %o)", info.Mode().Perm())})
	}
}

func checkRoots(ctx context.Context, e *examination, ix store.Store) {
	roots, err := ix.Roots(ctx)
	if err != nil {
		e.failErr("roots", err)
		return
	}
	roots = slices.DeleteFunc(roots, func(r store.Root) bool { return r.Elsewhere })
	reachable := 0
	for _, r := range roots {
		f, err := os.Open(r.Path)
		if err == nil {
			if _, err = f.Readdirnames(1); errors.Is(err, io.EOF) {
				err = errors.New("the folder is empty")
			}
			f.Close()
		}
		if err != nil {
			e.warn("roots", rootAdvice(runtime.GOOS, err), "%s: %v", r.Path, fserr.Cause(err))
			continue
		}
		reachable++
	}
	if reachable == len(roots) {
		e.ok("roots", "%s, all reachable", english.Count(len(roots), "folder"))
	}
}

// rootAdvice returns what to do about a root that cannot be read. macOS returns EPERM for folders that its privacy settings protect.
func rootAdvice(goos string, err error) Advice {
	if goos == "darwin" && errors.Is(err, syscall.EPERM) {
		return GrantFullDiskAccess
	}
	if errors.Is(err, fs.ErrPermission) {
		return GiveReadRight
	}
	return ConnectDisk
}

// checkMaxAge checks that a recent run of index was complete, so that a nightly job that fails every night is noticed.
func checkMaxAge(ctx context.Context, e *examination) {
	if e.MaxAge == 0 {
		return
	}
	ix, err := e.App.OpenAtOnce(ctx)
	if err != nil {
		e.fail("age", RunNightly, "no run is recorded: %v", err)
		return
	}
	defer ix.Close()
	last, ok, err := ix.LastRun(ctx, true)
	switch {
	case err != nil:
		e.failErr("age", err)
	case !ok:
		e.fail("age", RunNightly, "no run has completed yet")
	case time.Since(last.StartedAt) > e.MaxAge:
		e.fail("age", RunNightly, "the last complete run started %s ago (%s), more than the allowed %s", english.Duration(time.Since(last.StartedAt)), last.StartedAt.UTC().Format(time.RFC3339), english.Duration(e.MaxAge))
	default:
		away, err := index.Unreachable(ctx, ix)
		if err != nil {
			e.failErr("age", err)
			return
		}
		for _, root := range away {
			e.fail("age", ConnectDisk, "the last complete run could not reach %q", root.Path)
		}
		if len(away) == 0 {
			e.ok("age", "the last complete run started %s ago", english.Duration(time.Since(last.StartedAt)))
		}
	}
}
