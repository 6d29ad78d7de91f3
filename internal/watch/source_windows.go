package watch

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"unsafe"

	"github.com/fsnotify/fsnotify"
	"golang.org/x/sys/windows"
)

// newSource watches whole trees, and opens only one folder for each. fsnotify would open every folder, and Windows does not rename a folder
// with an open one below it: users could not reorganise their folders during a watch.
func newSource() (*source, error) {
	t := &trees{open: make(map[string]*tree), events: make(chan fsnotify.Event), errors: make(chan error), closed: make(chan struct{})}
	return &source{events: t.events, errors: t.errors, add: t.add, remove: t.remove, close: t.close, trees: true}, nil
}

type trees struct {
	events  chan fsnotify.Event
	errors  chan error
	closed  chan struct{}
	readers sync.WaitGroup

	mu   sync.Mutex
	open map[string]*tree
}

// tree is a folder that is watched with everything below it.
type tree struct {
	root     string
	handle   windows.Handle
	pending  windows.Overlapped
	canceled bool // under the lock of trees
	// The system writes to buffer while a read is pending. Notices are aligned to 4 bytes.
	buffer [maxNotices / 4]uint32
}

func (t *trees) add(dir string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for root := range t.open {
		if isBelow(dir, root) {
			return nil
		}
	}
	name, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return err
	}
	one := &tree{root: dir}
	one.handle, err = windows.CreateFile(name, windows.FILE_LIST_DIRECTORY,
		windows.FILE_SHARE_READ|windows.FILE_SHARE_WRITE|windows.FILE_SHARE_DELETE, nil, windows.OPEN_EXISTING,
		windows.FILE_FLAG_BACKUP_SEMANTICS|windows.FILE_FLAG_OVERLAPPED, 0)
	if err != nil {
		return &os.PathError{Op: "watch", Path: dir, Err: err}
	}
	if one.pending.HEvent, err = windows.CreateEvent(nil, 1, 0, nil); err != nil {
		return errors.Join(err, windows.CloseHandle(one.handle))
	}
	if err := one.begin(); err != nil { // events are reported from here on; a file system without events returns an error
		one.end()
		return &os.PathError{Op: "watch", Path: dir, Err: err}
	}
	t.open[dir] = one
	t.readers.Go(func() { t.read(one) })
	return nil
}

// begin requests the next notices.
func (one *tree) begin() error {
	_ = windows.ResetEvent(one.pending.HEvent)
	return windows.ReadDirectoryChanges(one.handle, (*byte)(unsafe.Pointer(&one.buffer[0])), maxNotices, true, kinds, nil, &one.pending, 0) //nolint:gosec // the system's layout
}

// end closes the handles of a tree. No read may be pending.
func (one *tree) end() {
	_ = windows.CloseHandle(one.pending.HEvent)
	_ = windows.CloseHandle(one.handle)
}

// remove stops watching a tree. It does nothing for a folder inside a tree.
func (t *trees) remove(dir string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if one := t.open[dir]; one != nil {
		t.cancel(one)
	}
	return nil
}

// cancel makes a tree's reader stop. The caller holds the lock.
func (t *trees) cancel(one *tree) {
	one.canceled = true
	delete(t.open, one.root)
	_ = windows.CancelIoEx(one.handle, &one.pending) // if nothing is pending at this moment, the reader checks canceled
}

func (t *trees) close() error {
	close(t.closed)
	t.mu.Lock()
	for _, one := range t.open {
		t.cancel(one)
	}
	t.mu.Unlock()
	t.readers.Wait()
	close(t.events)
	close(t.errors)
	return nil
}

// kinds are the kinds of changes to report.
const kinds = windows.FILE_NOTIFY_CHANGE_FILE_NAME | windows.FILE_NOTIFY_CHANGE_DIR_NAME | windows.FILE_NOTIFY_CHANGE_LAST_WRITE |
	windows.FILE_NOTIFY_CHANGE_SIZE | windows.FILE_NOTIFY_CHANGE_CREATION

// maxNotices is the largest buffer that also works for network folders (ReadDirectoryChangesW's documentation).
const maxNotices = 64 << 10

// read receives a tree's notices until the tree is cancelled or gone.
func (t *trees) read(one *tree) {
	defer func() {
		t.mu.Lock()
		if t.open[one.root] == one {
			delete(t.open, one.root)
		}
		t.mu.Unlock()
		one.end()
	}()
	for {
		var n uint32
		err := windows.GetOverlappedResult(one.handle, &one.pending, &n, true)
		var events []fsnotify.Event
		lost := false
		switch {
		case err == nil && n > 0:
			events = notices(one.root, unsafe.Slice((*byte)(unsafe.Pointer(&one.buffer[0])), n)) //nolint:gosec // the system's layout
			err = t.again(one)
		case err == nil, errors.Is(err, windows.ERROR_NOTIFY_ENUM_DIR), errors.Is(err, windows.ERROR_OPERATION_ABORTED):
			lost = true // there were more notices than the buffer holds, or the system aborted the read
			err = t.again(one)
		}
		if errors.Is(err, errCanceled) {
			return
		}
		for _, e := range events {
			t.send(e)
		}
		if lost {
			t.overflow()
		}
		if err != nil { // the folder is gone, or its disk
			t.send(fsnotify.Event{Name: one.root, Op: fsnotify.Remove})
			return
		}
	}
}

var errCanceled = errors.New("the watch of this tree has ended")

// again requests a tree's next notices, unless it was cancelled. It is called before the last ones are sent, so that none are lost.
func (t *trees) again(one *tree) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if one.canceled {
		return errCanceled
	}
	return one.begin()
}

// overflow reports that events were lost.
func (t *trees) overflow() {
	select {
	case t.errors <- fsnotify.ErrEventOverflow:
	case <-t.closed:
	}
}

func (t *trees) send(e fsnotify.Event) {
	select {
	case t.events <- e:
	case <-t.closed:
	}
}

// longName returns a path with long names: programs may use the short names of DOS ("HOLIDA~1"), and then notices have these.
func longName(path string) string {
	short, err := windows.UTF16PtrFromString(path)
	if err != nil {
		return path
	}
	long := make([]uint16, windows.MAX_LONG_PATH)
	n, err := windows.GetLongPathName(short, &long[0], windows.MAX_LONG_PATH)
	if err != nil || n == 0 || n > windows.MAX_LONG_PATH {
		return path
	}
	return windows.UTF16ToString(long[:n])
}

// notices parses a buffer of FILE_NOTIFY_INFORMATION: the offset of the next one, the action, the length of the name in bytes, and the
// name relative to the root, in UTF-16.
func notices(root string, b []byte) (list []fsnotify.Event) {
	const head = 12
	for len(b) >= head {
		one := (*windows.FileNotifyInformation)(unsafe.Pointer(&b[0])) //nolint:gosec // aligned by the system
		if int(one.FileNameLength) > len(b)-head {
			break
		}
		name := windows.UTF16ToString(unsafe.Slice(&one.FileName, one.FileNameLength/2))
		op := fsnotify.Write
		switch one.Action {
		case windows.FILE_ACTION_ADDED, windows.FILE_ACTION_RENAMED_NEW_NAME:
			op = fsnotify.Create
		case windows.FILE_ACTION_REMOVED:
			op = fsnotify.Remove
		case windows.FILE_ACTION_RENAMED_OLD_NAME:
			op = fsnotify.Rename
		}
		list = append(list, fsnotify.Event{Name: filepath.Join(root, name), Op: op})
		if one.NextEntryOffset == 0 || int(one.NextEntryOffset) > len(b) {
			break
		}
		b = b[one.NextEntryOffset:]
	}
	return list
}
