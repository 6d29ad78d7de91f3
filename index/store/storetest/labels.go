package storetest

import (
	"fmt"

	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/vec"
)

// label gives vectors to pictures and labels them.
func (s *suite) label(pictures []store.PictureID) {
	s.Helper()
	model := s.model("labels")
	s.write(func(tx store.Tx) error {
		for i, p := range pictures {
			if err := tx.PutVector(s.Context(), model, store.Vector{Picture: p, Data: vec.Pack(unit(i % 12))}); err != nil {
				return err
			}
		}
		return nil
	})
	s.must(s.store.Label(s.Context(), store.LabelRequest{Model: model, Least: .8, Labels: []store.LabelVector{{Name: "Beach", Vector: unit(3)}, {Name: "dog", Vector: unit(5)}}}))
}

func (s *suite) labels() {
	root, model := s.root("/p"), s.model("m")
	for i := range 30 {
		name := fmt.Sprint(i)
		s.put(file(root, "", name+".jpg", name))
		s.vector(model, name, 0, unit(i))
	}
	s.must(s.store.PrepareSearch(s.Context(), model))
	state, err := s.store.LabelState(s.Context())
	s.must(err)
	equal(s, "state without labels", state, store.LabelState{})

	asked := store.LabelRequest{Model: model, Least: .95, Labels: []store.LabelVector{{Name: "sea", Vector: unit(4)}, {Name: "Snow", Vector: unit(9)}, {Name: "rare", Vector: unit(77)}}}
	s.must(s.store.Label(s.Context(), asked))
	check := func(n int) {
		s.Helper()
		ids := make([]store.PictureID, n)
		want := make(map[store.PictureID]map[string]bool)
		labelled := 0
		for i := range n {
			ids[i] = id(fmt.Sprint(i))
			want[ids[i]] = make(map[string]bool)
			for _, l := range asked.Labels {
				if vec.Dot(unit(i), l.Vector) >= asked.Least+near16 {
					want[ids[i]][l.Name] = true
				}
			}
			if len(want[ids[i]]) > 0 {
				labelled++
			}
		}
		got, err := s.store.Labels(s.Context(), ids)
		s.must(err)
		for _, p := range ids {
			if len(got[p]) < len(want[p]) {
				s.Errorf("%s: labels %v, want %v", p, got[p], want[p])
			}
			for i, l := range got[p] {
				if l.Score < asked.Least-near16 || i > 0 && l.Score > got[p][i-1].Score {
					s.Errorf("%s: labels %v", p, got[p])
				}
			}
		}
		state, err := s.store.LabelState(s.Context())
		s.must(err)
		if state.Model != model || state.Labels != len(asked.Labels) || state.Compared != n || state.Labelled < labelled || labelled == 0 {
			s.Errorf("state %+v, %d labelled", state, labelled)
		}
	}
	check(30)
	vectors, err := s.store.LabelVectors(s.Context())
	s.must(err)
	equal(s, "vectors of labels", vectors, asked.Labels)
	n, err := s.store.LabelNew(s.Context())
	s.must(err)
	equal(s, "new pictures", n, 0)
	for i := 30; i < 40; i++ {
		name := fmt.Sprint(i)
		s.put(file(root, "", name+".jpg", name))
		s.vector(model, name, 0, unit(i))
	}
	n, err = s.store.LabelNew(s.Context())
	s.must(err)
	equal(s, "new pictures", n, 10)
	check(40)
	s.vector(model, "4", 0, unit(5)) // a new vector in place of an earlier one
	_, err = s.store.LabelNew(s.Context())
	s.must(err)
	got, err := s.store.Labels(s.Context(), []store.PictureID{id("4")})
	s.must(err)
	for _, l := range got[id("4")] {
		if l.Name == "sea" && vec.Dot(unit(5), unit(4)) < asked.Least-near16 {
			s.Errorf("an earlier label is left: %v", got)
		}
	}
	wrong := asked
	wrong.Labels = []store.LabelVector{{Name: "x", Vector: []float32{1}}}
	if err := s.store.Label(s.Context(), wrong); err == nil {
		s.Error("a label of another dimension")
	}
	s.must(s.store.Label(s.Context(), store.LabelRequest{Model: model}))
	state, err = s.store.LabelState(s.Context())
	s.must(err)
	equal(s, "state after the labels are removed", state, store.LabelState{})
	got, err = s.store.Labels(s.Context(), []store.PictureID{id("4"), id("9")})
	s.must(err)
	equal(s, "labels", len(got), 0)
}
