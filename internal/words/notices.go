package words

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"github.com/imgsearch/imgsearch/embed"
	"github.com/imgsearch/imgsearch/embed/decode"
	"github.com/imgsearch/imgsearch/index"
	"github.com/imgsearch/imgsearch/index/migrate"
	"github.com/imgsearch/imgsearch/index/query"
	"github.com/imgsearch/imgsearch/internal/app"
	"github.com/imgsearch/imgsearch/internal/english"
	"github.com/imgsearch/imgsearch/internal/fserr"
	"github.com/imgsearch/imgsearch/internal/watch"
	"github.com/imgsearch/imgsearch/models/hub"
)

// Notice describes a notice of a library to the user. An unknown notice is printed in the format %+v.
func Notice(notice any, do Door) Word {
	for _, say := range []func(any, Door) (Word, bool){ofIndex, ofEmbed, ofApp, ofOthers} {
		if w, ok := say(notice, do); ok {
			return w
		}
	}
	return note("%+v", notice)
}

func note(format string, args ...any) Word { return Word{Sentence: fmt.Sprintf(format, args...)} }

func warning(format string, args ...any) Word {
	return Word{Sentence: fmt.Sprintf(format, args...), Grave: true}
}

// outOfReach is a warning about files or folders that could not be reached.
func outOfReach(format string, args ...any) Word {
	return Word{Sentence: fmt.Sprintf(format, args...), Grave: true, OutOfReach: true}
}

// quoted returns the path of a folder in quotes, for use in a sentence.
func quoted(path string) string { return fmt.Sprintf("%q", path) }

func ofIndex(notice any, do Door) (Word, bool) {
	switch n := notice.(type) {
	case index.ManyGone:
		return outOfReach("%d of the %d files in %s are missing; they stay in the index until you run %s", n.Gone, n.Total, quoted(n.Root), do(Prune)), true
	case index.RootUnreachable:
		return outOfReach("%s cannot be reached (%s); %s kept in the index (if it has moved, run %s; to remove it from the index, run %s)",
			quoted(n.Root), rootTrouble(n.Err), english.Count(n.Files, "file"), do(MoveRoot), do(RemoveRoot)), true
	case index.FilesKept:
		return outOfReach("%s %s; %s kept in the index%s", quoted(n.Folder), keepReason(n), english.Count(n.Files, "file"), pruneHint(n.Why, do)), true
	case index.FolderUnreadable:
		return outOfReach("%s cannot be read completely: %v", quoted(n.Folder), n.Err), true
	case index.SidecarUnreadable:
		return warning("%s cannot be read: %v", Path(n.Path), n.Err), true
	case index.PreviewUnreadable:
		return warning("the preview of picture %s in the index cannot be read: %v", n.Picture, n.Err), true
	case index.SetAside:
		return warning("skipping %s from now on: imgsearch crashed repeatedly while reading it", Path(n.Path)), true
	case index.TextUnread:
		return warning("%s: the text in it cannot be read: %v", Path(n.Path), n.Err), true
	case index.TextSetAside:
		return warning("%s: the text in it is not read: imgsearch crashed repeatedly while reading it; try again with %s", Path(n.Path), do(RetryFailed)), true
	case index.VectorsRepaired:
		var parts []string
		if n.Rebuilt {
			parts = append(parts, "the vector file was damaged and has been rebuilt")
		}
		if n.Deleted > 0 {
			parts = append(parts, fmt.Sprintf("%s damaged in the index: deleted, and created again by the next run", english.Count(n.Deleted, "vector")))
		}
		return warning("%s; if this happens again, check the disk and the memory", strings.Join(parts, "; ")), true
	case index.SlowSearch:
		return warning("%v", n.Err), true
	}
	return Word{}, false
}

func rootTrouble(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "it does not exist: is its disk connected?"
	case errors.Is(err, index.ErrEmptyRoot):
		return "it is empty: is its disk connected?"
	}
	return fserr.Cause(err).Error()
}

func keepReason(n index.FilesKept) string {
	switch n.Why {
	case index.FolderMissing:
		return "is missing"
	case index.FolderEmpty:
		return "is empty"
	case index.FolderElsewhere:
		return "is on a different disk than before"
	case index.FolderUnread:
		return fmt.Sprintf("cannot be read completely: %v", n.Err)
	case index.FolderUnseen:
		return fmt.Sprintf("cannot be examined (%s: %v)", quoted(n.Above), n.Err)
	}
	return "has changed"
}

// pruneHint names the action that removes the files of a missing or empty folder from the index.
func pruneHint(why index.KeepReason, do Door) string {
	if why == index.FolderMissing || why == index.FolderEmpty {
		return " (" + do(Prune) + " removes them)"
	}
	return ""
}

func ofEmbed(notice any, do Door) (Word, bool) {
	switch n := notice.(type) {
	case embed.ProviderUnused:
		what := n.Reason + " (" + do(Examine) + " shows details)"
		if n.Hint != "" {
			what = n.Reason + "; " + Remedy(n.Hint, do)
		}
		return warning("%s cannot be used, using the processor instead: %s", n.Provider, what), true
	case embed.ProviderRefused:
		return warning("%s cannot be used, using the processor instead: %v", n.Provider, n.Err), true
	case embed.ProviderFailed:
		return warning("%s failed, continuing on the processor: %v", n.Provider, n.Err), true
	case embed.ProviderAvoided:
		return warning("%s: using the processor until %s finds that the provider works again", n.Last, do(Warmup)), true
	case embed.ProviderUnsettled:
		return warning("%v; %s is not used, because a crash could not be recorded", n.Err, n.Provider), true
	case embed.Int8OnProcessor:
		return warning("int8 runs on the processor only: %s is not used", n.Asked), true
	case embed.MakingInt8:
		return note("creating the int8 copy of model %s (one time only): %s", n.Model, n.Path), true
	case embed.OneShotDamaged:
		return warning("the copy of model %s for fast searches was damaged and has been removed: %s", n.Model, n.Path), true
	case embed.MakingOneShot:
		return note("preparing model %s for fast searches (one time only)", n.Model), true
	}
	return Word{}, false
}

func ofApp(notice any, do Door) (Word, bool) {
	switch n := notice.(type) {
	case app.Migrating:
		return note("upgrading the index from schema %d to %d", n.From, n.To), true
	case migrate.Renamed:
		return warning("root %s: the destination has another root there, so the copy is called %s; %s", Path(n.From), Path(n.To), "tell where it is with "+do(MoveRoot)), true
	case app.MigratedElsewhere:
		return note("waiting for another process to upgrade the index"), true
	case app.ModelChanged:
		return warning("model %s now computes different vectors, because its files, its precision or imgsearch itself has changed; embedding the photos again", n.Name), true
	case app.ModelReady:
		return note("model %s has vectors of all %d pictures; searches now use it", n.Model.Title(), n.Pictures), true
	case app.ModelPartly:
		return note("model %s has vectors of %d of %d pictures; searches use %s until it has all", n.Model.Title(), n.Model.Embedded, n.Pictures, n.Usual.Title()), true
	case app.ModelUnused:
		return note("searches still use model %s; to change that, run %s", n.Usual.Title(), do(UseModel, n.Model.Ref, precisionOf(n.Model))), true
	case app.TextsDeleted:
		return note("deleted the texts of %s", english.Count(n.Pictures, "picture")), true
	case app.SessionsDamaged:
		return warning("the indexing sessions could not be read, so there are none now; their file is kept as %s", quoted(n.Kept)), true
	case app.EarlierVectors:
		return note("searching vectors from an earlier version of imgsearch; run %s to update them", do(RunIndex)), true
	case app.SameRevision:
		return note("downloading the installed revision %s again; to get the newest one, use %s main", n.Revision, do(Revision)), true
	case app.CacheRefused:
		return warning("the cache folder %s is not used: %v (set IMGSEARCH_CACHE to a folder of your own)", quoted(n.Dir), fserr.Cause(n.Err)), true
	case app.LogDamaged:
		return warning("the write-ahead log of the index is damaged: what was written last is missing; run %s to add it again", do(RunIndex)), true
	case app.Untried:
		return warning("the model could not be tested: %v", n.Err), true
	}
	return Word{}, false
}

func ofOthers(notice any, do Door) (Word, bool) {
	switch n := notice.(type) {
	case decode.LibraryGivenUp:
		return warning("the system's %s crashed several times in a row; imgsearch uses slower decoders for a while; an update of the library may help", n.Library), true
	case query.PartlyEmbedded:
		return note("model %s has vectors of only %d of %d pictures; run %s to create the rest", n.Model.Title(), n.Model.Embedded, n.Pictures,
			do(IndexModel, n.Model.Ref, precisionOf(n.Model))), true
	case query.WantedModel:
		return note("searching with model %s (%d of %d pictures); model %s has %d of %d; run %s to create the rest", n.Model.Title(), n.Model.Embedded, n.Pictures,
			n.Wanted.Title(), n.Wanted.Embedded, n.Pictures, do(RunIndex)), true
	case query.PartlyRead:
		if n.Off {
			return note("this index reads no text in photos; to read it, run %s", do(WithText)), true
		}
		return note("the text in only %d of %d pictures has been read; run %s to read the rest", n.Read, n.Pictures, do(RunIndex)), true
	case query.VectorFileDamaged:
		return warning("the vector file of model %s is damaged; searched the index instead (run %s to rebuild the file)", n.Model, do(RunIndex)), true
	case query.VectorsDamaged:
		return warning("vectors of model %s in the index are damaged, and their pictures may be missing here (%s deletes them, and the next run of %s creates them again)",
			n.Model, do(Repair), do(RunIndex)), true
	case query.NoLanguage:
		return note("model %s expects the language of the query and assumes English; set it with %s", n.Model, do(Language)), true
	case hub.Retry:
		return note("%v: retrying in %v", n.Err, n.After), true
	case hub.Restart:
		return note("%s: %v: downloading it again", n.File, n.Err), true
	case watch.Blind:
		return note("%s: checking for changes every %v", n.Why, n.Every.Round(time.Millisecond)), true
	}
	return Word{}, false
}
