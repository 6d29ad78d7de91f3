package index

import (
	"context"
	"errors"
	"slices"
)

// readTwins reads the metadata of the files that may be a JPEG's twins. One that cannot be read is later read separately, which reports
// what is wrong with it; if its content is to blame, it is no longer considered as a twin.
func readTwins(ctx context.Context, w *worker, f *reading) (end bool, err error) {
	if len(f.task.twins) == 0 {
		return false, nil
	}
	for _, one := range f.task.twins {
		twin := &reading{task: one}
		w.journal.enter(w.slot, one.place, w.alone)
		err := w.follow(ctx, twin, twinWay())
		if _, fatal := errors.AsType[*indexError](err); fatal {
			return false, err
		}
		if err == nil {
			f.twins = append(f.twins, twin)
			continue
		}
		if _, content := errors.AsType[*ContentError](err); content {
			f.task.considered = slices.DeleteFunc(slices.Clone(f.task.considered), func(name string) bool { return name == one.place.Name })
			one.considered = nil
		}
		f.apart = append(f.apart, one)
	}
	w.journal.enter(w.slot, f.task.place, w.alone)
	return false, nil
}
