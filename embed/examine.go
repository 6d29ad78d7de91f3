package embed

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/imgsearch/imgsearch/embed/dynamic"
	"github.com/imgsearch/imgsearch/embed/ortlib"
	"github.com/imgsearch/imgsearch/embed/probe"
	"github.com/imgsearch/imgsearch/embed/provider"
	"github.com/imgsearch/imgsearch/models"
)

// towerOf returns the name of the tower in a file.
func towerOf(file string) string {
	if file == models.TextualFile {
		return provider.Textual
	}
	return provider.Visual
}

// Examine carries out a request. It needs a process of its own, which native code may end at any moment. stage is called
// before each step. Errors are about the request; for wrong vectors they wrap ErrDisagrees.
func Examine(o RuntimeOptions, r probe.Request, open func(model string) (Spec, error), stage func(string)) (probe.Result, error) {
	o.Options = ortlib.Options{Explicit: r.Library}
	stage(probe.StageLibrary)
	lib, err := StartRuntime(o)
	if err != nil {
		return probe.Result{}, err
	}
	found := probe.Result{Runtime: lib.Version}
	if r.Model == "" {
		return found, nil
	}
	stage(probe.StageModel)
	spec, err := open(r.Model)
	if err != nil {
		return found, err
	}
	e := examination{request: r, spec: spec, stage: stage, trial: visualTrial(spec)}
	if r.Tower == provider.Textual {
		e.trial = textualTrial(spec)
	}
	return found, e.run(&found)
}

// examination compares a tower on a provider with the same tower on the processor.
type examination struct {
	request probe.Request
	spec    Spec
	stage   func(string)
	trial   trial
}

func (e *examination) run(found *probe.Result) error {
	onProvider := e.request.Provider != provider.CPU && e.request.Provider != ""
	place := &placement{variant: e.request.Variant, batch: max(e.request.Batch, 1), cache: e.request.Cache}
	if onProvider {
		var ok bool
		if place.definition, ok = provider.Of(e.request.Provider); !ok {
			return fmt.Errorf("unknown provider %q", e.request.Provider)
		}
		// If the build lacks the provider, nothing else needs to run.
		e.stage(probe.StageAppend)
		if err := place.tryAppend(); err != nil {
			return err
		}
	}
	e.stage(probe.StageCPU)
	want, err := e.process(found)
	if err != nil || !onProvider {
		return err
	}
	if e.request.Rounds > 0 && place.batch > smallBatch && place.definition.CacheOption == "" {
		if hopeless, err := e.isHopeless(place, found, want); err != nil || hopeless {
			return err
		}
	}
	return e.provide(place, found, want)
}

// tryAppend selects the provider for a session, without creating the session.
func (p *placement) tryAppend() error {
	options, err := ort.NewSessionOptions()
	if err != nil {
		return err
	}
	defer options.Destroy()
	return p.appendTo(options)
}

// A provider that takes this many times as long as the processor for a small batch is not tried with a large one, which may
// take minutes: software that emulates a GPU (SwiftShader takes 6 s for a picture that the processor embeds in 10 ms).
const (
	smallBatch       = 2
	hopelessFirst    = 100 // in the first run, which compiles
	hopelessAfter    = 8
	hopelessDuration = 2 * time.Second // a shorter run is always worth measuring
)

// isHopeless tries a small batch and reports whether the provider is too slow to try more; found then holds what was measured.
func (e *examination) isHopeless(place *placement, found *probe.Result, want [][]float32) (bool, error) {
	small := *place
	small.batch = smallBatch
	e.stage(probe.StageSession)
	begin := time.Now()
	run, s, err := e.trial.open(tuning{on: &small})
	if err != nil {
		return false, err
	}
	defer s.close()
	e.stage(probe.StageRun)
	for _, bound := range []float64{hopelessFirst, hopelessAfter} {
		start := time.Now()
		got, err := run(0, 1)
		if err != nil {
			return false, err
		}
		took := time.Since(start)
		if bound == hopelessFirst {
			found.Provider.LoadMS = since(begin)
		}
		if took < hopelessDuration {
			return false, nil
		}
		if perSecond := smallBatch / took.Seconds(); perSecond*bound < found.CPU.PerSecond {
			found.Provider.PerSecond, found.Batch = perSecond, smallBatch
			return true, e.compare(found, got, want[:1])
		}
	}
	return false, nil
}

// compare returns an error unless a provider's vectors agree with the processor's.
func (e *examination) compare(found *probe.Result, got, want [][]float32) error {
	if found.Cosine = worstCosine(got, want); found.Cosine < minAgreement {
		return fmt.Errorf("%w: cosine %.4f", ErrDisagrees, found.Cosine)
	}
	return nil
}

// provide runs the trial on the provider: all of it if the speed is to be measured, else one picture or text.
func (e *examination) provide(place *placement, found *probe.Result, want [][]float32) error {
	e.stage(probe.StageSession)
	begin := time.Now()
	run, s, err := e.trial.open(tuning{on: place})
	if err != nil {
		return err
	}
	e.stage(probe.StageRun)
	n := 1
	if e.request.Rounds > 0 {
		n = e.trial.n
	}
	got, err := run(0, n)
	if err != nil {
		return err
	}
	found.Batch = s.batch
	if found.Provider.LoadMS == 0 {
		found.Provider.LoadMS = since(begin)
	}
	if e.request.Rounds > 0 {
		rows := s.batch
		if e.trial.file == models.VisualFile {
			rows-- // the canary's
		}
		took, err := medianOf(e.request.Rounds, func() error {
			_, err := run(0, 1)
			return err
		})
		if err != nil {
			return err
		}
		found.Provider.PerSecond = float64(rows) / took.Seconds()
	}
	if err := e.compare(found, got, want[:n]); err != nil || n == 1 {
		return err
	}
	return e.seesMixUps(want)
}

// process runs the trial on the processor.
func (e *examination) process(found *probe.Result) ([][]float32, error) {
	tune := tuning{threads: 1, freeBatch: e.spec.Model.HasDynamicBatch(e.trial.file, dynamic.Version)}
	if e.trial.file == models.TextualFile {
		tune.threads = 0
	}
	begin := time.Now()
	run, _, err := e.trial.open(tune)
	if err != nil {
		return nil, err
	}
	n := e.trial.n
	if e.request.Rounds == 0 {
		n = 1 // as many as the provider gets
	}
	vectors := make([][]float32, 0, n)
	for i := range n {
		one, err := run(i, i+1)
		if err != nil {
			return nil, err
		}
		if vectors = append(vectors, one...); i == 0 {
			found.CPU.LoadMS = since(begin)
		}
	}
	if e.request.Rounds > 0 {
		if e.trial.file == models.VisualFile {
			found.Canary = vectors[canaryOf(n)]
		}
		found.CPU.PerSecond, err = e.processorSpeed(run)
	}
	return vectors, err
}

// processorSpeed measures the processor as index uses it: single pictures, one per core at a time.
func (e *examination) processorSpeed(run func(from, to int) ([][]float32, error)) (float64, error) {
	parallel := 1
	if e.trial.file == models.VisualFile {
		parallel = runtime.NumCPU()
	}
	took, err := medianOf(e.request.Rounds, func() error {
		var wg sync.WaitGroup
		errs := make([]error, parallel)
		for i := range parallel {
			wg.Go(func() { _, errs[i] = run(0, 1) })
		}
		wg.Wait()
		for _, err := range errs {
			if err != nil {
				return err
			}
		}
		return nil
	})
	return float64(parallel) / took.Seconds(), err
}

// seesMixUps returns an error unless the trial inputs' vectors differ: otherwise rows mixed up by a rewritten graph would go unnoticed.
func (e *examination) seesMixUps(want [][]float32) error {
	sig := e.spec.Visual
	if e.trial.file == models.TextualFile {
		sig = e.spec.Textual
	}
	if len(sig.Inputs) > 0 && len(sig.Inputs[0].Dims) > 0 && int(sig.Inputs[0].Dims[0]) == 1 && e.request.Batch > 1 {
		return differ(want)
	}
	return nil
}

// canaryOf returns the index of the trial picture that is the canary: stripes, which lose less in half precision than noise does.
func canaryOf(n int) int { return min(1, n-1) }

func since(begin time.Time) float64 { return float64(time.Since(begin)) / float64(time.Millisecond) }

func medianOf(n int, f func() error) (time.Duration, error) {
	times := make([]time.Duration, n)
	for i := range times {
		begin := time.Now()
		if err := f(); err != nil {
			return 0, err
		}
		times[i] = time.Since(begin)
	}
	slices.Sort(times)
	return times[n/2], nil
}
