package index

import (
	"context"
	"os"

	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/regular"
)

// openFile opens the file and updates the task's stat to that of the opened file.
func openFile(_ context.Context, w *worker, f *reading) (end bool, err error) {
	if f.file, err = regular.Open(w.path(f.task.place), regular.FollowLinks); err != nil {
		return false, err
	}
	info, err := f.file.Stat()
	if err != nil {
		return false, err
	}
	f.task.stat = statOf(info)
	return false, nil
}

func statOf(info os.FileInfo) store.Stat {
	return store.Stat{Size: info.Size(), MTimeNS: info.ModTime().UnixNano()}
}

func statFile(path string) (store.Stat, error) {
	info, err := os.Stat(path)
	if err != nil {
		return store.Stat{}, err
	}
	return statOf(info), nil
}
