package app

import (
	"context"
	"strings"

	"github.com/imgsearch/imgsearch/embed"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/vec"
)

// labelPrompts are the texts whose vectors are averaged for a label: one text alone says too much about its wording (A. Radford et al., "Learning
// Transferable Visual Models From Natural Language Supervision", 2021, 3.1.4).
var labelPrompts = []string{"{}", "a photo of {}", "a picture that shows {}"}

// textsAtOnce is the number of texts that are embedded together.
const textsAtOnce = 96

// LabelVectors returns the vectors of labels, which it computes unless known has them.
func LabelVectors(ctx context.Context, loader *embed.Loader, language string, names []string, known []store.LabelVector) ([]store.LabelVector, error) {
	have := make(map[string][]float32, len(known))
	for _, l := range known {
		have[l.Name] = l.Vector
	}
	var texts, missing []string
	prefix, _ := LanguagePrefix(loader.Spec().Model.Name, language)
	for _, name := range names {
		if have[name] == nil {
			missing = append(missing, name)
			for _, p := range labelPrompts {
				texts = append(texts, prefix+strings.Replace(p, "{}", name, 1))
			}
		}
	}
	var vectors [][]float32
	for len(texts) > len(vectors) {
		tower, err := loader.Textual(ctx)
		if err != nil {
			return nil, err
		}
		some, err := tower.Embed(texts[len(vectors):min(len(texts), len(vectors)+textsAtOnce)])
		if err != nil {
			return nil, err
		}
		vectors = append(vectors, some...)
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	for i, name := range missing {
		mean := make([]float32, len(vectors[0]))
		for _, v := range vectors[i*len(labelPrompts):][:len(labelPrompts)] {
			for k, x := range v {
				mean[k] += x
			}
		}
		vec.Scale(mean, 1/vec.Length(mean))
		have[name] = mean
	}
	list := make([]store.LabelVector, len(names))
	for i, name := range names {
		list[i] = store.LabelVector{Name: name, Vector: have[name]}
	}
	return list, nil
}
