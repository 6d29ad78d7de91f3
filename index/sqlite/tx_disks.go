package sqlite

import (
	"context"

	"github.com/imgsearch/imgsearch/index/store"
)

type rootDisk struct {
	root   int64
	device uint64
}

// diskNumber returns the row id of a root's disk, which it adds if necessary.
func (t *tx) diskNumber(ctx context.Context, root int64, device uint64) (int64, error) {
	d := rootDisk{root, device}
	if id, ok := t.disks[d]; ok {
		return id, nil
	}
	id, err := t.number(ctx, "SELECT id FROM disks WHERE root_id = ? AND device = ?", root, deviceValue(device))
	if err == nil && id == 0 {
		id, err = t.number(ctx, "INSERT INTO disks(root_id, device) VALUES (?, ?) RETURNING id", root, deviceValue(device))
	}
	if err != nil {
		return 0, err
	}
	t.disks[d] = id
	return id, nil
}

// SetDevice records the disk that files are now on.
func (t *tx) SetDevice(ctx context.Context, root store.RootID, places []store.Place, device uint64) error {
	number, err := t.rootNumber(ctx, root)
	if err != nil {
		return err
	}
	id, err := t.diskNumber(ctx, number, device)
	if err != nil {
		return err
	}
	return inChunks(places, func(chunk []store.Place) error {
		with, args := wantedPlaces(chunk)
		// The parameters of WITH come first.
		_, err := t.tx.ExecContext(ctx, with+`UPDATE files SET disk_id = ? WHERE id IN (SELECT f.id FROM wanted w CROSS JOIN roots r ON r.uid = w.root
			CROSS JOIN files f ON f.root_id = r.id AND f.dir = w.dir AND f.name = w.name)`, append(args, id)...)
		return explain(err)
	})
}

// Redevice records that a root's disk has a new device number on this machine.
func (t *tx) Redevice(ctx context.Context, root store.RootID, from, to uint64) error {
	number, err := t.rootNumber(ctx, root)
	if err != nil {
		return err
	}
	defer t.s.forgetDisks()
	clear(t.disks)
	other, err := t.number(ctx, "SELECT id FROM disks WHERE root_id = ? AND device = ?", number, deviceValue(to))
	if err != nil {
		return err
	}
	if other == 0 {
		_, err = t.exec(ctx, "UPDATE disks SET device = ? WHERE root_id = ? AND device = ?", deviceValue(to), number, deviceValue(from))
		return err
	}
	_, err = t.exec(ctx, "UPDATE files SET disk_id = ? WHERE disk_id = (SELECT id FROM disks WHERE root_id = ? AND device = ?)", other, number, deviceValue(from))
	return err
}
