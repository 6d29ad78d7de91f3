package index

import (
	"bytes"
	"encoding/gob"
	"fmt"

	"github.com/imgsearch/imgsearch/index/store"
)

// Batch is the work of one job: files that a walk has found and that some machine is to read, or pictures whose texts it is to read.
type Batch struct {
	Items    []Item
	Pictures []store.PictureID
}

// Item is a file that must be read, as the walk has found it.
type Item struct {
	Dir, Name   string
	Stat        store.Stat
	Sidecar     store.Sidecar
	SidecarAway bool
	// Export is what an export wrote about the file: the names of its JSON and of its folder's.
	Export                        store.Sidecar
	ExportPicture, ExportOfFolder string
	ExportAway                    bool
	// Considered are the names of the files that may be its twins, Twins those of them that are read with it.
	Considered []string
	Twins      []Item
}

// Len returns the number of files, twins included, and pictures.
func (b Batch) Len() int {
	n := len(b.Pictures)
	for _, item := range b.Items {
		n += item.files()
	}
	return n
}

// Split divides the batch after n files or pictures, or one twin more.
func (b Batch) Split(n int) (first, rest Batch) {
	items := 0
	for files := 0; items < len(b.Items) && files < n; items++ {
		files += b.Items[items].files()
	}
	pictures := min(n, len(b.Pictures))
	return Batch{b.Items[:items], b.Pictures[:pictures]}, Batch{b.Items[items:], b.Pictures[pictures:]}
}

// Places returns the places of all files, twins included, each at its number in the batch.
func (b Batch) Places(root store.RootID) []store.Place {
	var list []store.Place
	for _, item := range b.Items {
		list = append(list, item.place(root))
		for _, twin := range item.Twins {
			list = append(list, twin.place(root))
		}
	}
	return list
}

// Without returns the batch without the items of which every file is done; done are numbers of Places.
func (b Batch) Without(done map[int]bool) (rest Batch) {
	n := 0
	for _, item := range b.Items {
		all := true
		for i := range item.files() {
			all = all && done[n+i]
		}
		if n += item.files(); !all {
			rest.Items = append(rest.Items, item)
		}
	}
	return rest
}

// Encode returns the batch in a form that keeps names that are not UTF-8.
func (b Batch) Encode() ([]byte, error) { return encode(b) }

// DecodeBatch returns a batch that was encoded.
func DecodeBatch(data []byte) (b Batch, err error) { return b, decode(data, &b) }

func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	err := gob.NewEncoder(&b).Encode(v)
	return b.Bytes(), err
}

func decode(data []byte, v any) error {
	if err := gob.NewDecoder(bytes.NewReader(data)).Decode(v); err != nil {
		return fmt.Errorf("%w: %w", store.ErrDamaged, err)
	}
	return nil
}

// files returns the number of files, twins included.
func (i Item) files() int { return 1 + len(i.Twins) }

func (i Item) place(root store.RootID) store.Place {
	return store.Place{Root: root, Dir: i.Dir, Name: i.Name}
}

// itemOf returns a task without what only this machine knows.
func itemOf(t task) Item {
	i := Item{
		Dir: t.place.Dir, Name: t.place.Name, Stat: t.stat, Sidecar: t.sidecar, SidecarAway: t.sidecarAway,
		Export: t.export.Sidecar, ExportPicture: t.export.picture, ExportOfFolder: t.export.folder, ExportAway: t.export.away, Considered: t.considered,
	}
	for _, twin := range t.twins {
		i.Twins = append(i.Twins, itemOf(twin))
	}
	return i
}
