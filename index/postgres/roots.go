package postgres

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/imgsearch/imgsearch/index/store"
)

// Roots returns all roots, sorted by path. A root without a path on this machine has that of another machine after the machine's name.
func (s *Store) Roots(ctx context.Context) ([]store.Root, error) {
	list, err := collect(ctx, s.db, `SELECT r.uid, coalesce(r.name, ''), m.path, m.host, r.walked, r.files, r.bytes FROM roots r
		LEFT JOIN LATERAL (SELECT path, host FROM mounts WHERE root_id = r.id ORDER BY host <> $1, host LIMIT 1) m ON true`, func(scan scanFunc) (r store.Root, err error) {
		var path []byte
		var host *string
		err = scan(&r.ID, &r.Name, &path, &host, &r.Walked, &r.Files, &r.Bytes)
		r.Path = string(path)
		if r.Elsewhere = host == nil || *host != s.host; r.Elsewhere {
			r.Path = elsewhere(host, r.Path)
		}
		return r, err
	}, s.host)
	slices.SortFunc(list, func(a, b store.Root) int { return strings.Compare(a.Path, b.Path) })
	return list, err
}

// elsewhere is how a path on another machine is shown; "" if no machine has one.
func elsewhere(host *string, path string) string {
	if host == nil {
		return ""
	}
	return *host + ":" + path
}

// Mounts returns the paths of the roots on all machines.
func (s *Store) Mounts(ctx context.Context) ([]store.Mount, error) {
	return collect(ctx, s.db, "SELECT r.uid, m.host, m.path FROM mounts m JOIN roots r ON r.id = m.root_id ORDER BY r.id, m.host", func(scan scanFunc) (m store.Mount, err error) {
		var path []byte
		err = scan(&m.Root, &m.Host, &path)
		m.Path = string(path)
		return m, err
	})
}

// Host returns the name of this machine.
func (s *Store) Host() string { return s.host }

// Mount records the path of a root on this machine.
func (s *Store) Mount(ctx context.Context, root store.RootID, path string) error {
	err := s.inTx(ctx, func(t *tx) error {
		id, err := t.rootNumber(ctx, root)
		if err != nil {
			return err
		}
		return t.exec(ctx, "INSERT INTO mounts(root_id, host, path) VALUES ($1, $2, $3) ON CONFLICT (root_id, host) DO UPDATE SET path = excluded.path", id, s.host, []byte(path))
	})
	if err != nil {
		return fmt.Errorf("mount root %q: %w", path, err)
	}
	return nil
}

// NameRoot gives a root a name.
func (s *Store) NameRoot(ctx context.Context, root store.RootID, name string) error {
	err := s.inTx(ctx, func(t *tx) error {
		id, err := t.rootNumber(ctx, root)
		if err != nil {
			return err
		}
		taken, _, err := value[bool](ctx, t.tx, "SELECT EXISTS (SELECT 1 FROM roots WHERE name = $1 AND id <> $2)", name, id)
		if err == nil && taken {
			err = store.ErrNameTaken
		}
		if err != nil {
			return err
		}
		return t.exec(ctx, "UPDATE roots SET name = $1 WHERE id = $2", name, id)
	})
	if err != nil {
		return fmt.Errorf("name root %q: %w", name, err)
	}
	return nil
}

// AddRoot adds a root, or marks an existing one as walked if walked is set.
func (s *Store) AddRoot(ctx context.Context, path string, walked bool) (r store.Root, err error) {
	err = s.inTx(ctx, func(t *tx) error {
		id, err := t.mounted(ctx, path)
		if err != nil {
			return err
		}
		if id == 0 {
			if id, _, err = value[int32](ctx, t.tx, "INSERT INTO roots(uid, walked, added_at) VALUES ($1, $2, $3) RETURNING id", string(store.NewRootID()), walked, time.Now().Unix()); err != nil {
				return err
			}
			if err := t.exec(ctx, "INSERT INTO mounts(root_id, host, path) VALUES ($1, $2, $3)", id, s.host, []byte(path)); err != nil {
				return err
			}
		} else if err := t.exec(ctx, "UPDATE roots SET walked = walked OR $1 WHERE id = $2", walked, id); err != nil {
			return err
		}
		r.Path = path
		return explain(t.tx.QueryRow(ctx, "SELECT uid, coalesce(name, ''), walked, files, bytes FROM roots WHERE id = $1", id).Scan(&r.ID, &r.Name, &r.Walked, &r.Files, &r.Bytes))
	})
	if err != nil {
		return r, fmt.Errorf("add root %q: %w", path, err)
	}
	return r, nil
}

// mounted returns the row id of the root at a path on this machine, or 0 if there is none.
func (t *tx) mounted(ctx context.Context, path string) (int32, error) {
	id, _, err := value[int32](ctx, t.tx, "SELECT root_id FROM mounts WHERE host = $1 AND path = $2", t.s.host, []byte(path))
	return id, err
}

// Absorb moves the files of inner, a root at rel below outer, to outer.
func (s *Store) Absorb(ctx context.Context, outer, inner store.RootID, rel string) error {
	return s.inTx(ctx, func(t *tx) error {
		to, err := t.rootNumber(ctx, outer)
		if err != nil {
			return err
		}
		from, err := t.rootNumber(ctx, inner)
		if err != nil {
			return err
		}
		if err := t.absorbFolders(ctx, to, from, rel); err != nil {
			return err
		}
		// Disks of inner with a number that a disk of outer has on this machine are that disk.
		if err := t.exec(ctx, `UPDATE files f SET disk_id = same.outer_disk FROM (SELECT o.id AS outer_disk, i.id AS inner_disk FROM disks o JOIN devices od ON od.disk_id = o.id
			JOIN devices di ON di.host = od.host AND di.device = od.device JOIN disks i ON i.id = di.disk_id WHERE o.root_id = $1 AND i.root_id = $2 AND od.host = $3) same
			WHERE f.disk_id = same.inner_disk`, to, from, s.host); err != nil {
			return err
		}
		if err := t.exec(ctx, "UPDATE disks SET root_id = $1 WHERE root_id = $2 AND EXISTS (SELECT 1 FROM files WHERE disk_id = disks.id)", to, from); err != nil {
			return err
		}
		return t.dropRoot(ctx, from)
	})
}

// absorbFolders moves the folders of a root to another, below rel. If the other root already has a file, it is the same file.
func (t *tx) absorbFolders(ctx context.Context, to, from int32, rel string) error {
	type folder struct {
		id  int64
		dir string
	}
	folders, err := collect(ctx, t.tx, "SELECT id, dir FROM folders WHERE root_id = $1", func(scan scanFunc) (f folder, err error) {
		var dir []byte
		err = scan(&f.id, &dir)
		f.dir = strings.TrimSuffix(rel+"/"+string(dir), "/")
		return f, err
	}, from)
	if err != nil {
		return err
	}
	for _, f := range folders {
		known, ok, err := value[int64](ctx, t.tx, "SELECT id FROM folders WHERE root_id = $1 AND digest = sha256($2)", to, []byte(f.dir))
		if err != nil {
			return err
		}
		if !ok {
			if err := t.exec(ctx, "UPDATE folders SET root_id = $1, dir = $2, folded = $3 WHERE id = $4", to, []byte(f.dir), subject(f.dir), f.id); err != nil {
				return err
			}
			continue
		}
		for _, table := range []string{"files", "failures", "suspects"} {
			host := ""
			if table == "suspects" {
				host = " AND k.host = moved.host"
			}
			if err := t.exec(ctx, "UPDATE "+table+" moved SET folder_id = $1 WHERE folder_id = $2 AND NOT EXISTS (SELECT 1 FROM "+table+" k WHERE k.folder_id = $1 AND k.name = moved.name"+host+")", known, f.id); err != nil {
				return err
			}
		}
	}
	return t.recount(ctx, to)
}

// recount counts the files of a root again.
func (t *tx) recount(ctx context.Context, root int32) error {
	return t.exec(ctx, "UPDATE roots SET (files, bytes) = (SELECT count(*), coalesce(sum(f.size), 0) FROM files f JOIN folders d ON d.id = f.folder_id WHERE d.root_id = $1) WHERE id = $1", root)
}

// dropRoot deletes a root and its remaining files.
func (t *tx) dropRoot(ctx context.Context, id int32) error {
	if _, err := t.deleted(ctx, "DELETE FROM files f USING folders d WHERE d.id = f.folder_id AND d.root_id = $1", id); err != nil {
		return err
	}
	delete(t.counts, id)
	for _, stmt := range []string{"DELETE FROM folders WHERE root_id = $1", "DELETE FROM roots WHERE id = $1"} {
		if err := t.exec(ctx, stmt, id); err != nil {
			return err
		}
	}
	return nil
}

// RemoveRoot removes a root and its files.
func (s *Store) RemoveRoot(ctx context.Context, path string) (files int, err error) {
	err = s.inTx(ctx, func(t *tx) error {
		id, err := t.rootAt(ctx, path)
		if err != nil {
			return err
		}
		if files, _, err = value[int](ctx, t.tx, "SELECT files FROM roots WHERE id = $1", id); err != nil {
			return err
		}
		return t.dropRoot(ctx, id)
	})
	return files, err
}

// rootAt returns the row id of the root at a path on this machine, or at a path on another one, as Roots shows it.
func (t *tx) rootAt(ctx context.Context, path string) (int32, error) {
	id, err := t.mounted(ctx, path)
	if host, there, ok := strings.Cut(path, ":"); err == nil && id == 0 && ok {
		id, _, err = value[int32](ctx, t.tx, "SELECT root_id FROM mounts WHERE host = $1 AND path = $2", host, []byte(there))
	}
	if err == nil && id == 0 {
		err = fmt.Errorf("%q is %w", path, store.ErrNoRoot)
	}
	return id, err
}

// MoveRoot changes the path of a root on this machine, or gives one of another machine a path here.
func (s *Store) MoveRoot(ctx context.Context, from, to string) error {
	return s.inTx(ctx, func(t *tx) error {
		id, err := t.rootAt(ctx, from)
		if err != nil {
			return err
		}
		return t.exec(ctx, "INSERT INTO mounts(root_id, host, path) VALUES ($1, $2, $3) ON CONFLICT (root_id, host) DO UPDATE SET path = excluded.path", id, s.host, []byte(to))
	})
}

// Devices returns this machine's numbers of the disks that hold a root's files.
func (s *Store) Devices(ctx context.Context, root store.RootID) (map[uint64]bool, error) {
	list, err := collect(ctx, s.db, `SELECT v.device FROM roots r JOIN disks d ON d.root_id = r.id JOIN devices v ON v.disk_id = d.id AND v.host = $2
		WHERE r.uid = $1 AND EXISTS (SELECT 1 FROM files f WHERE f.disk_id = d.id)`, func(scan scanFunc) (d int64, err error) { return d, scan(&d) }, string(root), s.host)
	set := make(map[uint64]bool, len(list))
	for _, d := range list {
		set[uint64(d)] = true
	}
	return set, err
}

type rootDevice struct {
	root   int32
	device uint64
}

// diskNumber returns the row id of a disk that has a number on this machine, which it adds if necessary. A root's only disk that has no number on this machine
// is taken for the same. The number 0 is none.
func (t *tx) diskNumber(ctx context.Context, root int32, device uint64) (int32, error) {
	d := rootDevice{root, device}
	if id, ok := t.disks[d]; ok {
		return id, nil
	}
	var id int32
	var ok bool
	var err error
	if device == 0 {
		id, ok, err = value[int32](ctx, t.tx, "SELECT d.id FROM disks d WHERE d.root_id = $1 AND NOT EXISTS (SELECT 1 FROM devices v WHERE v.disk_id = d.id AND v.host = $2) ORDER BY d.id LIMIT 1", root, t.s.host)
	} else {
		id, ok, err = value[int32](ctx, t.tx, `SELECT id FROM (SELECT d.id, v.device, count(*) OVER () AS disks FROM disks d LEFT JOIN devices v ON v.disk_id = d.id AND v.host = $2 WHERE d.root_id = $1) k
			WHERE device = $3 OR device IS NULL AND disks = 1 ORDER BY id LIMIT 1`, root, t.s.host, int64(device))
	}
	if err == nil && !ok {
		id, _, err = value[int32](ctx, t.tx, "INSERT INTO disks(root_id) VALUES ($1) RETURNING id", root)
	}
	if err != nil {
		return 0, err
	}
	if device != 0 {
		if err := t.exec(ctx, "INSERT INTO devices(disk_id, host, device) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", id, t.s.host, int64(device)); err != nil {
			return 0, err
		}
	}
	t.disks[d] = id
	return id, nil
}

// SetDevice records the disk that files are now on. A disk that has no number on this machine yet gets this one.
func (t *tx) SetDevice(ctx context.Context, root store.RootID, places []store.Place, device uint64) error {
	if err := t.flush(ctx); err != nil {
		return err
	}
	number, err := t.rootNumber(ctx, root)
	if err != nil {
		return err
	}
	clear(t.disks)
	if err := inChunks(places, func(chunk []store.Place) error {
		roots, dirs, names := placeColumns(chunk)
		return t.exec(ctx, wantedPlaces+`INSERT INTO devices(disk_id, host, device) SELECT DISTINCT f.disk_id, $4, $5::bigint FROM wanted w JOIN files f ON f.folder_id = w.folder_id AND f.name = w.name
			ON CONFLICT DO NOTHING`, roots, dirs, names, t.s.host, int64(device))
	}); err != nil {
		return err
	}
	id, err := t.diskNumber(ctx, number, device)
	if err != nil {
		return err
	}
	return inChunks(places, func(chunk []store.Place) error {
		roots, dirs, names := placeColumns(chunk)
		return t.exec(ctx, wantedPlaces+`UPDATE files f SET disk_id = $4 FROM wanted w, devices v WHERE f.folder_id = w.folder_id AND f.name = w.name
			AND v.disk_id = f.disk_id AND v.host = $5 AND v.device <> $6`, roots, dirs, names, id, t.s.host, int64(device))
	})
}

// Redevice records that a root's disk has a new device number on this machine. From 0, it is the first one: all disks without a number have it.
func (t *tx) Redevice(ctx context.Context, root store.RootID, from, to uint64) error {
	if err := t.flush(ctx); err != nil {
		return err
	}
	number, err := t.rootNumber(ctx, root)
	if err != nil {
		return err
	}
	clear(t.disks)
	if from == 0 {
		return t.exec(ctx, "INSERT INTO devices(disk_id, host, device) SELECT d.id, $2, $3::bigint FROM disks d WHERE d.root_id = $1 ON CONFLICT DO NOTHING", number, t.s.host, int64(to))
	}
	return t.exec(ctx, "UPDATE devices v SET device = $4 FROM disks d WHERE d.id = v.disk_id AND d.root_id = $1 AND v.host = $2 AND v.device = $3", number, t.s.host, int64(from), int64(to))
}
