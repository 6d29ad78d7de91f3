package cli

import (
	"runtime"

	"github.com/spf13/pflag"

	"github.com/imgsearch/imgsearch/internal/app"
	"github.com/imgsearch/imgsearch/scan"
)

// IndexingFlags say what belongs to an index and how files are read. Whoever updates an index with other values than before changes what is in it.
type IndexingFlags struct {
	exclude       []string
	oneFileSystem bool
	noPairs       bool
	keepPreviews  bool
	useMTime      bool
	jobs          int
	maxPixels     int64
	maxMemory     string
}

// defaultMaxPixels is above the resolution of all current cameras (150 MP) and most stitched panoramas.
const defaultMaxPixels = 300_000_000

// Add adds the flags.
func (q *IndexingFlags) Add(f *pflag.FlagSet) {
	f.StringArrayVar(&q.exclude, "exclude", nil, "skip files and folders that match `PATTERN` (gitignore syntax; may be repeated)")
	f.BoolVar(&q.oneFileSystem, "one-file-system", false, "do not enter other file systems")
	f.BoolVar(&q.noPairs, "no-pairs", false, "treat a raw or HEIC file and the JPEG of the same name next to it as two pictures")
	f.BoolVar(&q.keepPreviews, "keep-previews", false, "store a small JPEG of each picture in the index, so that --html, --preview and another model work while the disk is disconnected")
	f.BoolVar(&q.useMTime, "use-mtime", false, "date photos that have no other date by the modification times of their files")
	f.IntVar(&q.jobs, "jobs", runtime.NumCPU(), "read and decode `N` files at once")
	f.Int64Var(&q.maxPixels, "max-pixels", defaultMaxPixels, "do not read pictures of more than `N` pixels")
	f.StringVar(&q.maxMemory, "max-memory", "", "use at most `SIZE` of memory, such as 1GB (default: what the container allows, at most 60 % of free memory)")
}

// Choose validates the flags, and returns what they mean. Its errors are usage errors.
func (q *IndexingFlags) Choose() (o app.Indexing, err error) {
	o = app.Indexing{
		Exclude: q.exclude, OneFileSystem: q.oneFileSystem, NoPairs: q.noPairs, KeepPreviews: q.keepPreviews, UseMTime: q.useMTime, Jobs: q.jobs, MaxPixels: q.maxPixels,
	}
	switch {
	case q.jobs < 1:
		return o, Usage("use a number of 1 or more", "invalid value for --jobs: %d", q.jobs)
	case q.maxPixels < 1:
		return o, Usage("use a number of 1 or more", "invalid value for --max-pixels: %d", q.maxPixels)
	}
	if o.MaxMemory, err = ParseMemory(q.maxMemory); err != nil {
		return o, err
	}
	return o, scan.CheckPatterns(q.exclude)
}
