package index

import (
	"context"
	"fmt"

	"github.com/imgsearch/imgsearch/index/store"
)

// takeOver handles the files that a crashed run was reading: they become suspects. A file that was read alone has crashed
// two runs and is set aside.
func (r *run) takeOver(ctx context.Context, left []inFlight) (err error) {
	if len(left) > 0 {
		b, err := r.store.Begin(ctx)
		if err != nil {
			return err
		}
		defer b.Rollback()
		for _, f := range left {
			if err := r.suspect(ctx, b, f); err != nil {
				return err
			}
		}
		if err := b.Commit(ctx); err != nil {
			return err
		}
		if err := r.journal.clear(); err != nil {
			return fmt.Errorf("clear journal: %w", err)
		}
	}
	r.suspects, err = r.store.Suspects(ctx)
	return err
}

func (r *run) suspect(ctx context.Context, b store.Tx, f inFlight) error {
	if _, known := r.roots[f.place.Root]; !known {
		return nil
	}
	if !f.alone {
		return b.PutSuspect(ctx, f.place)
	}
	stat, err := statFile(r.path(f.place))
	if err != nil {
		return nil //nolint:nilerr // the file is gone and cannot crash another run
	}
	r.req.On.Noticed(SetAside{r.path(f.place)})
	if err := b.PutFailure(ctx, store.Failure{Place: f.place, Stat: stat, Stage: store.StageCrash, Reason: crashReason, Decoder: r.req.Reader.Version()}); err != nil {
		return err
	}
	return b.DeleteSuspect(ctx, f.place)
}
