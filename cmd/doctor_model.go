package cmd

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"runtime"
	"slices"

	"github.com/imgsearch/imgsearch/embed"
	"github.com/imgsearch/imgsearch/embed/ortlib"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/models"
	"github.com/imgsearch/imgsearch/models/starter"
)

func checkProgram(_ context.Context, e *examination) {
	e.ok("program", "imgsearch %s, %s, %d processors", versionText(), runtime.Version(), runtime.NumCPU())
}

func checkRuntime(ctx context.Context, e *examination) {
	// Always in a child first, also a library that was loaded before: doctor is asked when something is wrong.
	options := e.app.runtimeOptions()
	library, err := ortlib.Find(options.Options)
	if err != nil {
		e.failErr("runtime", err)
		return
	}
	if o, err := embed.TryLibrary(ctx, program(), library, libraryLimit); err == nil && o.Result == nil {
		e.add(finding{Name: "runtime", Status: checkFail, Detail: library.Path + ": " + o.Reason(), Evidence: o.Stderr, Hint: cmp.Or(o.Cause.Mend, hintGetRuntime)})
		return
	}
	r, err := embed.StartRuntime(options)
	if err != nil {
		e.failErr("runtime", err)
		return
	}
	e.runtime, e.library = true, r.Library
	e.ok("runtime", "ONNX Runtime %s, %s: %s", r.Version, r.Origin, r.Path)
}

func checkModel(ctx context.Context, e *examination) {
	var ix store.Store
	if opened, err := e.app.openReadOnly(ctx); err == nil {
		ix = opened
		defer ix.Close()
	}
	m, err := e.app.chooseModel(ctx, ix, e.asked, true)
	if err != nil {
		e.failErr("model", err)
		return
	}
	// The built-in model's identity comes from its manifest: see that the bytes are what it says.
	if m.spec.Model.IsBuiltin() {
		if err := models.VerifyBuiltin(); err != nil {
			e.fail("model", "the program file is damaged: install it again", "%v", err)
			return
		}
	}
	e.model = &m
	where := "built in"
	if dir := m.spec.Model.Dir; dir != "" {
		where = dir
	}
	e.ok("model", "%s (%s), %s, dimension %d, pictures of %d x %d, identity %.12s", m.spec.Model.Name, where, m.precision, m.spec.Dim,
		m.spec.Preprocess.Width, m.spec.Preprocess.Height, m.identity)
}

// references are what PyTorch and Hugging Face's tokenizers answer for the built-in model.
type references struct {
	Texts map[string]struct {
		IDs       []int32   `json:"ids"`
		Embedding []float32 `json:"embedding"`
	} `json:"texts"`
}

func readReferences() (references, error) {
	var r references
	if err := json.Unmarshal(starter.Reference, &r); err != nil {
		return r, fmt.Errorf("read the reference answers: %w", err)
	}
	return r, nil
}

func checkTokenizer(_ context.Context, e *examination) {
	if e.model == nil {
		return
	}
	tok, err := embed.LoadTokenizer(e.model.spec)
	if err != nil {
		e.failErr("tokenizer", err)
		return
	}
	if !e.model.spec.Model.IsBuiltin() {
		ids, used := tok.Encode("dog on beach")
		e.ok("tokenizer", "reads; %q is %v (no reference answers for this model)", "dog on beach", ids[:used])
		return
	}
	ref, err := readReferences()
	if err != nil {
		e.failErr("tokenizer", err)
		return
	}
	for text, want := range ref.Texts {
		if got, _ := tok.Encode(text); !slices.Equal(got, want.IDs) {
			e.fail("tokenizer", "the program is broken: please report it", "%q is %v, want %v", text, got, want.IDs)
			return
		}
	}
	e.ok("tokenizer", "gives the reference's ids for %d texts", len(ref.Texts))
}

// minCosine is how near a vector must be to PyTorch's. The weights are stored in 8 bits, the reference is from before
// that: with this file the runtime itself comes to 0.99522 on the emptiest text and above 0.998 on all others
// (docs/benchmarks.md#reference). A wrong computation is far below.
const minCosine = 0.995

func checkTowers(ctx context.Context, e *examination) {
	if e.model == nil || !e.runtime {
		return
	}
	loader := e.app.cpuLoader(*e.model, false)
	visual, err := loader.Visual(ctx)
	if err != nil {
		e.failErr("towers", err)
		return
	}
	if _, err := visual.Embed(make([]float32, e.model.spec.Preprocess.TensorLen()), 1); err != nil {
		e.failErr("towers", err)
		return
	}
	textual, err := loader.Textual(ctx)
	if err != nil {
		e.failErr("towers", err)
		return
	}
	if !e.model.spec.Model.IsBuiltin() {
		if _, err := textual.Embed([]string{"dog on beach"}); err != nil {
			e.failErr("towers", err)
			return
		}
		e.ok("towers", "both load and run on %s (no reference answers for this model)", loader.Provider().Name)
		return
	}
	ref, err := readReferences()
	if err != nil {
		e.failErr("towers", err)
		return
	}
	worst := 1.0
	for text, want := range ref.Texts {
		got, err := textual.Embed([]string{text})
		if err != nil {
			e.failErr("towers", err)
			return
		}
		worst = min(worst, cosine(got[0], want.Embedding))
	}
	if worst < minCosine {
		e.fail("towers", "the runtime library computes wrongly here: try another with --ort-lib", "cosine to the reference is %.5f, want %.4f", worst, minCosine)
		return
	}
	e.ok("towers", "both load and run on %s; cosine to the reference at least %.5f", loader.Provider().Name, worst)
}

func cosine(a, b []float32) float64 {
	if len(a) != len(b) {
		return 0
	}
	var dot, aa, bb float64
	for i := range a {
		dot += float64(a[i]) * float64(b[i])
		aa += float64(a[i]) * float64(a[i])
		bb += float64(b[i]) * float64(b[i])
	}
	return dot / math.Sqrt(aa*bb)
}
