package language

import (
	"errors"
	"slices"
	"testing"
)

func TestCode(t *testing.T) {
	for name, want := range map[string]string{
		"en": "eng_Latn", "de": "deu_Latn", "fr": "fra_Latn", "ja": "jpn_Jpan", "ko": "kor_Hang", "zh": "zho_Hans", "zh-TW": "zho_Hant", "zh_HK.UTF-8": "zho_Hant",
		"ar": "arb_Arab", "fa": "pes_Arab", "ms": "zsm_Latn", "no": "nob_Latn", "nb": "nob_Latn", "nn": "nno_Latn", "lv": "lvs_Latn", "sq": "als_Latn",
		"sw": "swh_Latn", "mn": "khk_Cyrl", "ku": "kmr_Latn", "ku-Arab": "ckb_Arab", "sr": "srp_Cyrl", "he": "heb_Hebr", "iw": "heb_Hebr", "yi": "ydd_Hebr",
		"fil": "tgl_Latn", "tl": "tgl_Latn", "pt-BR": "por_Latn", "pt_BR.UTF-8": "por_Latn", "de_AT@euro": "deu_Latn", "yue": "yue_Hant", "ne": "npi_Deva",
		"deu_Latn": "deu_Latn", "zho_Hant": "zho_Hant", "kas_Deva": "kas_Deva", "DE": "deu_Latn", "quechua": "",
		"": "", "C": "", "POSIX": "", "C.UTF-8": "", "xx": "", "la": "", "deu_Cyrl": "", "German": "", "sr-Latn": "",
	} {
		got, err := Code(name)
		if got != want || (err != nil) != (want == "") || err != nil && !errors.Is(err, ErrUnknown) {
			t.Errorf("%q: %q, %v, want %q", name, got, err, want)
		}
	}
	if len(floresCodes) != 202 || !slices.IsSorted(floresCodes) {
		t.Errorf("%d codes", len(floresCodes))
	}
	for iso, one := range individual {
		if !slices.ContainsFunc(floresCodes, func(code string) bool { return code[:3] == one }) {
			t.Errorf("%s: FLORES-200 has no %s", iso, one)
		}
	}
}

func TestCodes(t *testing.T) {
	codes := Codes()
	if len(codes) < 110 || !slices.Contains(codes, "de") || slices.Contains(codes, "iw") || slices.Contains(codes, "la") {
		t.Errorf("%d codes: %v", len(codes), codes)
	}
}

func TestFromEnvironment(t *testing.T) {
	for _, c := range []struct {
		env  map[string]string
		want string
	}{
		{nil, ""},
		{map[string]string{"LANG": "de_DE.UTF-8"}, "de_DE.UTF-8"},
		{map[string]string{"LANG": "de_DE.UTF-8", "LC_MESSAGES": "fr_FR"}, "fr_FR"},
		{map[string]string{"LANG": "de_DE.UTF-8", "LC_ALL": "C"}, ""},
		{map[string]string{"LANG": "C.UTF-8"}, ""},
	} {
		if got := FromEnvironment(func(name string) string { return c.env[name] }); got != c.want {
			t.Errorf("%v: %q, want %q", c.env, got, c.want)
		}
	}
}

func TestIsExpected(t *testing.T) {
	for model, want := range map[string]bool{"nllb-clip-base-siglip__mrl": true, "starter": false, "ViT-B-16-SigLIP2__webli": false} {
		if IsExpected(model) != want {
			t.Errorf("%s: %v", model, !want)
		}
	}
}
