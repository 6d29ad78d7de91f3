package app

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/imgsearch/imgsearch/embed"
	"github.com/imgsearch/imgsearch/embed/provider"
	"github.com/imgsearch/imgsearch/index/query"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/pictures"
)

// Resident holds models in memory for a process that answers many queries. The text towers stay loaded. A vision tower on an accelerator stays too, since
// accelerators are initialised only once; on the processor it is loaded when needed, and freed when it has not been used for a while.
type Resident struct {
	app      *App
	provider provider.Name

	mu     sync.Mutex
	models []*residentModel // the one for requests that name none is first
}

type residentModel struct {
	Model

	app    *App
	loader *embed.Loader // of the text tower
	texts  batcher
	known  *lru.Cache[string, []float32] // the vectors of the texts that were embedded last
	vision visionTower
	// provider is where the vision tower ran when it was tested.
	provider string
}

// NewResident returns a Resident without models.
func (a *App) NewResident(p provider.Name) *Resident { return &Resident{app: a, provider: p} }

// Load loads and tests a model, unless it is loaded. It becomes the one for requests that name none if first is set.
func (r *Resident) Load(ctx context.Context, m Model, first bool) error {
	r.mu.Lock()
	known := r.find(m.Identity)
	r.mu.Unlock()
	if known == nil {
		var err error
		if known, err = r.load(ctx, m); err != nil {
			return err
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if i := slices.Index(r.models, known); i >= 0 {
		if !first {
			return nil
		}
		r.models = slices.Delete(r.models, i, i+1)
	}
	if first {
		r.models = slices.Insert(r.models, 0, known)
	} else {
		r.models = append(r.models, known)
	}
	return nil
}

func (r *Resident) load(ctx context.Context, m Model) (*residentModel, error) {
	n := &residentModel{Model: m, app: r.app}
	var err error
	if n.known, err = lru.New[string, []float32](knownTexts); err != nil {
		return nil, err
	}
	// The copy for single searches is the best tower here too: it computes only the tokens that a text has, and the system can drop it from memory.
	n.loader = r.app.Loader(m, Loading{Provider: r.provider, OneShot: true})
	if err := n.loader.CheckAsked(); err != nil {
		return nil, err
	}
	r.app.PrepareOneShot(ctx, n.loader, MemoryLimit(0))
	n.vision.app, n.vision.new = r.app, func() *embed.Loader { return r.app.Loader(m, Loading{Provider: r.provider}) }
	if err := n.test(ctx); err != nil {
		return nil, fmt.Errorf("load model %s: %w", m.Spec.Model.Name, err)
	}
	n.vision.free()
	debug.FreeOSMemory() // what loading has left; the process may wait for hours now
	return n, nil
}

// test computes a vector with each tower.
func (n *residentModel) test(ctx context.Context) error {
	if _, err := n.embedTexts(ctx, []string{"photo"}); err != nil {
		return err
	}
	loader, done := n.vision.use()
	defer done()
	tower, err := loader.Visual(ctx)
	if err != nil {
		return err
	}
	_, err = tower.Embed(make([]float32, pictures.Reader{Spec: n.Spec}.TensorLen()), 1)
	n.provider = loader.Provider().Name
	return err
}

// embedTexts embeds texts together with those of other callers.
func (n *residentModel) embedTexts(ctx context.Context, texts []string) ([][]float32, error) {
	tower, err := n.loader.Textual(ctx)
	if err != nil {
		return nil, err
	}
	vectors := make([][]float32, 0, len(texts))
	for len(texts) > 0 { // a few at a time, so that a caller with many does not hold up the others
		some := texts[:min(fewTexts, len(texts))]
		got, err := n.texts.embed(ctx, some, tower.Embed)
		if err != nil {
			return nil, err
		}
		vectors, texts = append(vectors, got...), texts[len(some):]
	}
	return vectors, nil
}

// fewTexts is the number of texts that one caller has in a batch.
const fewTexts = 8

// find returns a model that is loaded; nil if it is not. The caller holds mu.
func (r *Resident) find(identity string) *residentModel {
	i := slices.IndexFunc(r.models, func(m *residentModel) bool { return m.Identity == identity })
	if i < 0 {
		return nil
	}
	return r.models[i]
}

// First returns the model for requests that name none.
func (r *Resident) First() Model {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.models) == 0 {
		return Model{}
	}
	return r.models[0].Model
}

// ByName returns the loaded models with a name or identity, the one for requests that name none first.
func (r *Resident) ByName(name string) (list []Model) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range r.models {
		if m.Spec.Model.Name == name || m.Spec.Model.Ref() == name || m.Identity == name {
			list = append(list, m.Model)
		}
	}
	return list
}

// ofVectors returns the loaded model that can answer from an index's vectors: the one with their identity, or of which they are an earlier version.
func (r *Resident) ofVectors(identity string) *residentModel {
	r.mu.Lock()
	defer r.mu.Unlock()
	if m := r.find(identity); m != nil {
		return m
	}
	for _, m := range r.models {
		if slices.Contains(m.Spec.EarlierIdentities(m.Precision), identity) {
			return m
		}
	}
	return nil
}

// IsLoaded reports whether the queries for an index's model can be answered.
func (r *Resident) IsLoaded(identity string) bool { return r.ofVectors(identity) != nil }

// Engine returns the engine for an index.
func (r *Resident) Engine(ix store.Store) *query.Engine {
	return query.New(ix, func(_ context.Context, m store.Model) (query.Encoder, error) {
		if n := r.ofVectors(m.Identity); n != nil {
			return n, nil
		}
		return nil, query.ErrNoEncoder
	}, Calibration, func(m store.Model, language string) (string, bool) { return LanguagePrefix(m.Name, language) }, func(m store.Model) string {
		if n := r.ofVectors(m.Identity); n != nil {
			return n.loader.Epoch()
		}
		return ""
	})
}

// Vision lends the vision tower of a model to a run of the pipeline, until done is called. A model that is not resident is loaded for the run.
func (r *Resident) Vision(m Model) (loader *embed.Loader, done func()) {
	r.mu.Lock()
	known := r.find(m.Identity)
	r.mu.Unlock()
	if known != nil {
		return known.vision.use()
	}
	l := r.app.Loader(m, Loading{Provider: r.provider})
	return l, func() { r.app.Release(l) }
}

// Start does nothing: the text tower is loaded.
func (n *residentModel) Start(bool, bool) {}

// knownTexts is the number of texts whose vectors are kept in memory, for a while in which the index does not store them: at most 8 MB.
const knownTexts = 2000

// Texts returns the vectors of texts.
func (n *residentModel) Texts(ctx context.Context, texts []string) ([][]float32, error) {
	vectors := make([][]float32, len(texts))
	var unknown []string
	for i, text := range texts {
		if v, ok := n.known.Get(text); ok {
			vectors[i] = v
		} else {
			unknown = append(unknown, text)
		}
	}
	if len(unknown) == 0 {
		return vectors, nil
	}
	computed, err := n.embedTexts(ctx, unknown)
	if err != nil {
		return nil, err
	}
	for i, text := range texts {
		if vectors[i] == nil {
			vectors[i], computed = computed[0], computed[1:]
			n.known.Add(text, vectors[i])
		}
	}
	return vectors, nil
}

// Picture returns the vector of the picture of a query term.
func (n *residentModel) Picture(ctx context.Context, p query.Given) ([]float32, error) {
	loader, done := n.vision.use()
	defer done()
	return Encoder{loader}.Picture(ctx, p)
}

// visionTower is a vision tower that several callers share.
type visionTower struct {
	app *App
	new func() *embed.Loader

	mu     sync.Mutex
	loader *embed.Loader // nil: it is not loaded
	users  int
	idle   *time.Timer
}

// visionIdle is how long a tower on the processor stays in memory after its last use: loading the built-in one takes a tenth of a second.
const visionIdle = time.Minute

// use returns the loader of the tower, until done is called.
func (v *visionTower) use() (loader *embed.Loader, done func()) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.loader == nil {
		v.loader = v.new()
	}
	if v.users++; v.idle != nil {
		v.idle.Stop()
	}
	return v.loader, sync.OnceFunc(v.release)
}

func (v *visionTower) release() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.users--; v.users == 0 {
		v.idle = time.AfterFunc(visionIdle, v.free)
	}
}

// free frees the tower if it is not in use and not on an accelerator.
func (v *visionTower) free() {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.users > 0 || v.loader == nil || v.loader.WantsEarlyStart() {
		return
	}
	v.app.Release(v.loader)
	v.loader = nil
}

// maxBatch is the number of texts that are embedded together: enough for all cores, and few enough that none waits long.
const maxBatch = 32

// batcher embeds the texts of several callers together: while the tower computes, others wait, and then share a batch.
type batcher struct {
	mu      sync.Mutex
	busy    bool
	waiting []*wanted
}

// wanted are texts whose vectors a caller waits for.
type wanted struct {
	texts   []string
	vectors [][]float32
	err     error
	done    chan struct{}
}

var errNoVectors = errors.New("the model returned too few vectors")

// embed returns the vectors of texts. compute embeds a batch.
func (b *batcher) embed(ctx context.Context, texts []string, compute func([]string) ([][]float32, error)) ([][]float32, error) {
	w := &wanted{texts: texts, done: make(chan struct{})}
	b.mu.Lock()
	b.waiting = append(b.waiting, w)
	if !b.busy {
		b.busy = true
		go b.run(compute)
	}
	b.mu.Unlock()
	select {
	case <-w.done:
		return w.vectors, w.err
	case <-ctx.Done():
		b.abandon(w)
		return nil, ctx.Err()
	}
}

// abandon removes texts that nobody waits for any more.
func (b *batcher) abandon(w *wanted) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if i := slices.Index(b.waiting, w); i >= 0 {
		b.waiting = slices.Delete(b.waiting, i, i+1)
	}
}

// run embeds batches until nobody waits.
func (b *batcher) run(compute func([]string) ([][]float32, error)) {
	for {
		batch, texts := b.take()
		if len(batch) == 0 {
			return
		}
		vectors, err := compute(texts)
		if err == nil && len(vectors) < len(texts) {
			err = errNoVectors
		}
		for _, w := range batch {
			if w.err = err; err == nil {
				w.vectors, vectors = vectors[:len(w.texts):len(w.texts)], vectors[len(w.texts):]
			}
			close(w.done)
		}
	}
}

// take returns the next batch: those who have waited longest.
func (b *batcher) take() (batch []*wanted, texts []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for len(b.waiting) > 0 && (len(texts) == 0 || len(texts)+len(b.waiting[0].texts) <= maxBatch) {
		w := b.waiting[0]
		b.waiting = b.waiting[1:]
		batch, texts = append(batch, w), append(texts, w.texts...)
	}
	b.busy = len(batch) > 0
	return batch, texts
}

// Provider returns where the vision tower of the model for requests that name none runs.
func (r *Resident) Provider() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.models) == 0 {
		return ""
	}
	return r.models[0].provider
}
