package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"slices"

	"github.com/imgsearch/imgsearch/embed"
	"github.com/imgsearch/imgsearch/embed/ortlib"
	"github.com/imgsearch/imgsearch/embed/provider"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/app"
	"github.com/imgsearch/imgsearch/internal/vec"
	"github.com/imgsearch/imgsearch/models"
	"github.com/imgsearch/imgsearch/models/starter"
)

func checkProgram(_ context.Context, e *examination) {
	e.ok("program", "imgsearch %s, %s, %d processors", e.Version, runtime.Version(), runtime.NumCPU())
}

func checkRuntime(ctx context.Context, e *examination) {
	// Load it in a child process first, even if it loaded before: people run doctor when something is wrong.
	options := e.App.Runtime()
	library, err := ortlib.Find(options.Options)
	if err != nil {
		e.failErr("runtime", err)
		return
	}
	if o, err := embed.TryLibrary(ctx, app.Program(), library, libraryLimit); err == nil && o.Result == nil {
		e.add(Finding{Name: "runtime", Severity: Error, Detail: library.Path + ": " + o.Reason(), Evidence: o.Stderr, Err: ortlib.ErrUnusable, Remedy: o.Cause.Hint})
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
	if opened, err := e.App.OpenAtOnce(ctx); err == nil {
		ix = opened
		defer ix.Close()
	}
	m, err := e.App.ChooseModel(ctx, ix, e.Model, true)
	if err != nil {
		e.failErr("model", err)
		return
	}
	// The built-in model's identity comes from its manifest, so check that its files match the manifest.
	if m.Spec.Model.IsBuiltin() {
		if err := models.VerifyBuiltin(); err != nil {
			e.fail("model", Reinstall, "%v", err)
			return
		}
	}
	e.model = &m
	where := "built in"
	if dir := m.Spec.Model.Dir; dir != "" {
		where = dir
	}
	e.ok("model", "%s (%s), %s, dimension %d, pictures of %d x %d, identity %.12s", m.Spec.Model.Name, where, m.Precision, m.Spec.Dim,
		m.Spec.Preprocess.Width, m.Spec.Preprocess.Height, m.Identity)
}

// references are the results of PyTorch and of Hugging Face's tokenizers for the built-in model.
type references struct {
	Texts map[string]struct {
		IDs       []int32   `json:"ids"`
		Embedding []float32 `json:"embedding"`
	} `json:"texts"`
}

func readReferences() (references, error) {
	var r references
	if err := json.Unmarshal(starter.Reference, &r); err != nil {
		return r, fmt.Errorf("read the reference results: %w", err)
	}
	return r, nil
}

func checkTokenizer(_ context.Context, e *examination) {
	if e.model == nil {
		return
	}
	tok, err := embed.LoadTokenizer(e.model.Spec)
	if err != nil {
		e.failErr("tokenizer", err)
		return
	}
	if !e.model.Spec.Model.IsBuiltin() {
		ids, used := tok.Encode("dog on beach")
		e.ok("tokenizer", "works; %q is encoded as %v (no reference results for this model)", "dog on beach", ids[:used])
		return
	}
	ref, err := readReferences()
	if err != nil {
		e.failErr("tokenizer", err)
		return
	}
	for text, want := range ref.Texts {
		if got, _ := tok.Encode(text); !slices.Equal(got, want.IDs) {
			e.fail("tokenizer", ReportBug, "%q is encoded as %v, expected %v", text, got, want.IDs)
			return
		}
	}
	e.ok("tokenizer", "returns the expected token ids for %d test texts", len(ref.Texts))
}

// minCosine is the least cosine of a vector with PyTorch's. The weights are stored in 8 bits and the reference was computed before that:
// with this file, the runtime reaches 0.99522 on the emptiest text and above 0.998 on all others (docs/benchmarks.md#reference).
// A wrong computation is far below.
const minCosine = 0.995

func checkTowers(ctx context.Context, e *examination) {
	if e.model == nil || !e.runtime {
		return
	}
	loader := e.App.Loader(*e.model, app.Loading{Provider: provider.CPU})
	visual, err := loader.Visual(ctx)
	if err != nil {
		e.failErr("towers", err)
		return
	}
	if _, err := visual.Embed(make([]float32, e.model.Spec.Preprocess.TensorLen()), 1); err != nil {
		e.failErr("towers", err)
		return
	}
	textual, err := loader.Textual(ctx)
	if err != nil {
		e.failErr("towers", err)
		return
	}
	damaged, err := loader.CheckOneShot()
	if err != nil {
		e.failErr("towers", err)
		return
	}
	for _, path := range damaged {
		e.warn("cache", DropCopy, "the copy of the model for fast searches is damaged: %s", path)
	}
	if !e.model.Spec.Model.IsBuiltin() {
		if _, err := textual.Embed([]string{"dog on beach"}); err != nil {
			e.failErr("towers", err)
			return
		}
		e.ok("towers", "both load and run on %s (no reference results for this model)", loader.Provider().Name)
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
		worst = min(worst, vec.Cosine(got[0], want.Embedding))
	}
	if worst < minCosine {
		e.fail("towers", TryAnotherLibrary, "the cosine similarity to the reference is %.5f, expected at least %.4f", worst, minCosine)
		return
	}
	e.ok("towers", "both load and run on %s; cosine similarity to the reference at least %.5f", loader.Provider().Name, worst)
}
