package original

import (
	"cmp"
	"regexp"
	"strings"
	"sync"
)

// provenance prefers what a camera wrote to what a program saved.
func provenance(a, b *picture) int { return cmp.Compare(b.standing(), a.standing()) }

// standing scores the evidence that a file comes directly from a camera.
func (p *picture) standing() int {
	n := 0
	if p.rawTwin {
		n += 4
	}
	if p.untouched() {
		n += 2
	}
	if p.meta.Camera != "" {
		n++
	}
	if p.meta.TakenAt != "" || p.meta.HasGPS {
		n++
	}
	if p.edited() {
		n--
	}
	return n
}

// untouched reports whether the file is as the camera wrote it: its EXIF names the camera, the actual size, and no editor.
func (p *picture) untouched() bool {
	m := p.meta
	return m.Camera != "" && m.Width == p.header.Width && m.Height == p.header.Height && !p.edited()
}

// otherShot reports whether two files are different shots by a camera.
func otherShot(a, b *picture) bool {
	return a.untouched() && b.untouched() && a.meta.TakenAt != b.meta.TakenAt
}

// editors are the names that image editors write to EXIF's Software, where cameras write a firmware version.
var editors = []string{
	"acdsee", "adobe", "affinity", "aperture", "canva", "capture one", "darktable", "digikam", "dxo", "faststone", "gimp", "gwenview",
	"imagemagick", "instagram", "irfanview", "krita", "lightroom", "luminar", "mspaint", "on1", "paint.net", "paintshop", "photofiltre",
	"photopea", "photos", "photoscape", "photoshop", "picasa", "pixelmator", "polarr", "rawtherapee", "shotwell", "snapseed", "vsco",
	"whatsapp", "windows photo", "xnview", "zoner",
}

// editor matches an editor's name as whole words: "Version1.00" does not contain "on1".
var editor = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)(^|[^\pL\pN])(` + quotedNames(editors) + `)($|[^\pL])`)
})

func quotedNames(names []string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = regexp.QuoteMeta(name)
	}
	return strings.Join(quoted, "|")
}

func (p *picture) edited() bool { return editor().MatchString(p.meta.Software) }
