package original

import (
	"cmp"
	"regexp"
	"strings"
)

// provenance: what a camera wrote comes before what went through a program.
func provenance(a, b *picture) int { return cmp.Compare(b.standing(), a.standing()) }

// standing counts for how much a file speaks that it comes from a camera.
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

// untouched reports whether the file is as a camera wrote it: it names the camera, and the size that the picture has, and no editor.
func (p *picture) untouched() bool {
	m := p.meta
	return m.Camera != "" && m.Width == p.header.Width && m.Height == p.header.Height && !p.edited()
}

// otherShot reports whether two files are two shots of a camera.
func otherShot(a, b *picture) bool {
	return a.untouched() && b.untouched() && a.meta.TakenAt != b.meta.TakenAt
}

// editors are names by which programs that change pictures say so in EXIF's Software; cameras write a version there.
var editors = []string{
	"acdsee", "adobe", "affinity", "aperture", "canva", "capture one", "darktable", "digikam", "dxo", "faststone", "gimp", "gwenview",
	"imagemagick", "instagram", "irfanview", "krita", "lightroom", "luminar", "mspaint", "on1", "paint.net", "paintshop", "photofiltre",
	"photopea", "photos", "photoscape", "photoshop", "picasa", "pixelmator", "polarr", "rawtherapee", "shotwell", "snapseed", "vsco",
	"whatsapp", "windows photo", "xnview", "zoner",
}

// editor matches the name of one as words of their own: "Version1.00" names no ON1.
var editor = regexp.MustCompile(`(?i)(^|[^\pL\pN])(` + quotedNames(editors) + `)($|[^\pL])`)

func quotedNames(names []string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = regexp.QuoteMeta(name)
	}
	return strings.Join(quoted, "|")
}

func (p *picture) edited() bool { return editor.MatchString(p.meta.Software) }
