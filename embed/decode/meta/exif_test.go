package meta

import (
	"bytes"
	"encoding/binary"
	"math"
	"reflect"
	"strings"
	"testing"
)

// value is an entry to write: its type, the number of values, and their bytes.
type value struct {
	tag, kind uint16
	count     int
	data      []byte
}

// writer writes EXIF blocks.
type writer struct {
	order interface {
		binary.ByteOrder
		binary.AppendByteOrder
	}
	data []byte
}

func newWriter(motorola bool) *writer {
	w := &writer{order: binary.LittleEndian, data: []byte("II*\x00\x00\x00\x00\x00")}
	if motorola {
		w.order, w.data = binary.BigEndian, []byte("MM\x00*\x00\x00\x00\x00")
	}
	return w
}

// directory writes entries and returns their offset.
func (w *writer) directory(entries ...value) uint32 {
	at := make([]uint32, len(entries))
	for i, e := range entries {
		if len(e.data) > 4 {
			at[i] = uint32(len(w.data))
			w.data = append(w.data, e.data...)
		}
	}
	start := uint32(len(w.data))
	w.data = w.order.AppendUint16(w.data, uint16(len(entries)))
	for i, e := range entries {
		w.data = w.order.AppendUint32(w.order.AppendUint16(w.order.AppendUint16(w.data, e.tag), e.kind), uint32(e.count))
		if len(e.data) > 4 {
			w.data = w.order.AppendUint32(w.data, at[i])
		} else {
			w.data = append(append(w.data, e.data...), make([]byte, 4-len(e.data))...)
		}
	}
	w.data = append(w.data, 0, 0, 0, 0)
	return start
}

func (w *writer) done(first uint32) []byte {
	w.order.PutUint32(w.data[4:], first)
	return w.data
}

func text(tag uint16, s string) value { return value{tag, 2, len(s) + 1, []byte(s + "\x00")} }

func (w *writer) short(tag uint16, n uint16) value {
	return value{tag, 3, 1, w.order.AppendUint16(nil, n)}
}

func (w *writer) long(tag, kind uint16, n uint32) value {
	return value{tag, kind, 1, w.order.AppendUint32(nil, n)}
}

// ratios returns an entry of fractions, each a pair of numbers.
func (w *writer) ratios(tag uint16, pairs ...uint32) value {
	v := value{tag: tag, kind: 5, count: len(pairs) / 2}
	for _, n := range pairs {
		v.data = w.order.AppendUint32(v.data, n)
	}
	return v
}

func read(data []byte) EXIF { return ReadEXIF(bytes.NewReader(data), 0, int64(len(data))) }

// TestEXIF reads a block as cameras write it, in both byte orders.
func TestEXIF(t *testing.T) {
	for _, motorola := range []bool{false, true} {
		w := newWriter(motorola)
		exif := w.directory(text(tagOriginal, "2019:05:06 07:08:09"), text(tagOriginalZone, "+02:00"), text(tagLens, "50mm"), w.long(tagWidth, 4, 4000), w.short(tagHeight, 3000))
		gps := w.directory(text(gpsLatitudeRef, "S"), w.ratios(gpsLatitude, 33, 1, 51, 1, 30, 1), text(gpsLongitudeRef, "E"), w.ratios(gpsLongitude, 151, 1, 12, 1, 36, 1))
		got := read(w.done(w.directory(text(tagMaker, "Acme "), text(tagModel, "Cam\x00junk"), w.short(tagOrientation, 6), w.short(tagRating, 4), w.long(tagExif, 4, exif), w.long(tagGPS, 4, gps))))
		want := EXIF{
			Maker: "Acme", Model: "Cam", Lens: "50mm", Orientation: 6, Rating: Rating{4, true}, Original: "2019:05:06 07:08:09", OriginalZone: "+02:00", Width: 4000, Height: 3000,
			Place: Place{-33.858333333333334, 151.20999999999998, true},
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
}

// TestOddEXIF reads what cameras and programs write wrongly. Each must not hide the rest.
func TestOddEXIF(t *testing.T) {
	w := newWriter(false)
	for name, c := range map[string]struct {
		first []value
		want  func(x EXIF) bool
	}{
		"an entry of type 0":                 {[]value{{0x100, 0, 0, nil}, w.short(tagOrientation, 6)}, func(x EXIF) bool { return x.Orientation == 6 }},
		"an entry of type 200":               {[]value{{0x100, 200, 1, nil}, w.short(tagOrientation, 6)}, func(x EXIF) bool { return x.Orientation == 6 }},
		"orientation as LONG":                {[]value{w.long(tagOrientation, 4, 6)}, func(x EXIF) bool { return x.Orientation == 6 }},
		"orientation as BYTE":                {[]value{{tagOrientation, 1, 1, []byte{6}}}, func(x EXIF) bool { return x.Orientation == 6 }},
		"orientation as SSHORT":              {[]value{{tagOrientation, 8, 1, []byte{6, 0}}}, func(x EXIF) bool { return x.Orientation == 6 }},
		"orientation of two values":          {[]value{{tagOrientation, 3, 2, []byte{6, 0, 1, 0}}}, func(x EXIF) bool { return x.Orientation == 6 }},
		"orientation 9":                      {[]value{w.short(tagOrientation, 9)}, func(x EXIF) bool { return x.Orientation == 0 }},
		"a value outside the block":          {[]value{{tagModel, 2, 1 << 30, []byte("12345678")}, w.short(tagOrientation, 6)}, func(x EXIF) bool { return x.Model == "" && x.Orientation == 6 }},
		"a camera in Latin-1":                {[]value{text(tagModel, "Caf\xe9")}, func(x EXIF) bool { return x.Model == "Café" }},
		"rating as LONG":                     {[]value{w.long(tagRating, 4, 3)}, func(x EXIF) bool { return x.Rating == Rating{3, true} }},
		"a percentage only":                  {[]value{w.short(tagRatingPercent, 75)}, func(x EXIF) bool { return x.Rating == Rating{4, true} }},
		"the tag twice":                      {[]value{w.short(tagOrientation, 6), w.short(tagOrientation, 3)}, func(x EXIF) bool { return x.Orientation == 6 }},
		"a zero pointer":                     {[]value{w.long(tagExif, 4, 0), w.short(tagOrientation, 6)}, func(x EXIF) bool { return x.Orientation == 6 }},
		"EXIF's tags in the first directory": {[]value{text(tagOriginal, "2019:05:06 07:08:09")}, func(x EXIF) bool { return x.Original != "" }},
	} {
		w := newWriter(false)
		data := w.done(w.directory(c.first...))
		if got := read(data); !c.want(got) {
			t.Errorf("%s: %+v", name, got)
		}
	}
	for _, kind := range []uint16{4, 9, 13} { // a pointer as LONG, as SLONG, as IFD
		w := newWriter(false)
		exif := w.directory(text(tagOriginal, "2019:05:06 07:08:09"))
		if got := read(w.done(w.directory(w.long(tagExif, kind, exif)))); got.Original == "" {
			t.Errorf("pointer of type %d: %+v", kind, got)
		}
	}
	// A directory that claims more entries than there are.
	w = newWriter(false)
	data := w.done(w.directory(w.short(tagOrientation, 6)))
	w.order.PutUint16(data[8:], 200)
	if got := read(data); got.Orientation != 6 {
		t.Errorf("too many entries: %+v", got)
	}
	if got := read([]byte("II*\x00\xff\xff\xff\xff")); !reflect.DeepEqual(got, EXIF{}) {
		t.Errorf("no directory: %+v", got)
	}
}

func TestPlaces(t *testing.T) {
	for name, c := range map[string]struct {
		lat, long       []uint32
		latRef, longRef string
		want            Place
	}{
		"degrees only":             {[]uint32{488583, 10000}, []uint32{22945, 10000}, "N", "E", Place{48.8583, 2.2945, true}},
		"degrees and minutes":      {[]uint32{48, 1, 5150, 100}, []uint32{2, 1, 1767, 100}, "N", "E", Place{48.85833333333333, 2.2945, true}},
		"lower case":               {[]uint32{48, 1, 0, 1, 0, 1}, []uint32{2, 1, 0, 1, 0, 1}, "s", "w", Place{-48, -2, true}},
		"seconds of 0/0":           {[]uint32{48, 1, 30, 1, 0, 0}, []uint32{2, 1, 0, 0, 0, 0}, "N", "E", Place{48.5, 2, true}},
		"divided by zero":          {[]uint32{48, 0}, []uint32{2, 1}, "N", "E", Place{}},
		"no hemisphere":            {[]uint32{48, 1}, []uint32{2, 1}, "", "E", Place{}},
		"nowhere":                  {[]uint32{0, 1}, []uint32{0, 1}, "N", "E", Place{}},
		"beyond the pole":          {[]uint32{91, 1}, []uint32{2, 1}, "N", "E", Place{}},
		"latitude zero is a place": {[]uint32{0, 1}, []uint32{9, 1}, "N", "E", Place{0, 9, true}},
	} {
		w := newWriter(false)
		gps := w.directory(text(gpsLatitudeRef, c.latRef), w.ratios(gpsLatitude, c.lat...), text(gpsLongitudeRef, c.longRef), w.ratios(gpsLongitude, c.long...))
		got := read(w.done(w.directory(w.long(tagGPS, 4, gps)))).Place
		if got.Known != c.want.Known || math.Abs(got.Latitude-c.want.Latitude) > 1e-9 || math.Abs(got.Longitude-c.want.Longitude) > 1e-9 {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
	// The interoperability directory has a tag 1 too, which is no latitude.
	w := newWriter(false)
	interop := w.directory(text(1, "R98"))
	exif := w.directory(w.long(0xa005, 4, interop))
	gps := w.directory(text(gpsLatitudeRef, "S"), w.ratios(gpsLatitude, 33, 1), text(gpsLongitudeRef, "E"), w.ratios(gpsLongitude, 151, 1))
	if got := read(w.done(w.directory(w.long(tagExif, 4, exif), w.long(tagGPS, 4, gps)))).Place; got != (Place{-33, 151, true}) {
		t.Errorf("with an interoperability directory: %+v", got)
	}
}

func TestDate(t *testing.T) {
	for _, c := range []struct{ text, zone, want string }{
		{"2019:05:06 07:08:09", "", "2019-05-06T07:08:09"},
		{"2019:05:06 07:08:09", "+02:00", "2019-05-06T07:08:09+02:00"},
		{"2019:05:06 07:08:09", "nonsense", "2019-05-06T07:08:09"},
		{"2019:05:06 07:08:09+02:00", "-05:00", "2019-05-06T07:08:09+02:00"},
		{"2019-05-06T07:08:09Z", "", "2019-05-06T07:08:09+00:00"},
		{"2019-05-06T07:08:09.123+0200", "", "2019-05-06T07:08:09+02:00"},
		{"2019/05/06 07:08:09", "", "2019-05-06T07:08:09"},
		{"2019:5:6 7:8:9", "", "2019-05-06T07:08:09"},
		{"2019:05:06 07:08", "", "2019-05-06T07:08:00"},
		{"2019:05:06 24:00:00", "", "2019-05-07T00:00:00"},
		{"2019:12:31 24:00:00", "", "2020-01-01T00:00:00"},
		{"2019:02:30 07:08:09", "", ""}, {"0000:00:00 00:00:00", "", ""}, {"    :  :     :  :  ", "", ""}, {"1800:01:01 00:00:00", "", ""},
		{"2019:05:06 25:00:00", "", ""}, {"2019:05:06 07:61:00", "", ""}, {"", "", ""}, {"yesterday", "", ""}, {"2019:05:06 07:08:09+99:00", "", "2019-05-06T07:08:09"},
	} {
		if got := Date(c.text, c.zone); got != c.want {
			t.Errorf("%q, %q: %q, want %q", c.text, c.zone, got, c.want)
		}
	}
}

func TestPercent(t *testing.T) {
	// As Windows shows them.
	for p, want := range map[float64]int{0: 0, 1: 1, 12: 1, 13: 2, 25: 2, 37: 2, 38: 3, 50: 3, 62: 3, 63: 4, 75: 4, 87: 4, 88: 5, 99: 5, 100: 5} {
		if got := percent(p); got != (Rating{want, true}) {
			t.Errorf("%v: %+v, want %d", p, got, want)
		}
	}
	for _, p := range []float64{-1, 101, math.NaN()} {
		if got := percent(p); got.Known {
			t.Errorf("%v: %+v", p, got)
		}
	}
}

func FuzzEXIF(f *testing.F) {
	w := newWriter(true)
	exif := w.directory(text(tagOriginal, "2019:05:06 07:08:09"))
	gps := w.directory(text(gpsLatitudeRef, "S"), w.ratios(gpsLatitude, 33, 1), text(gpsLongitudeRef, "E"), w.ratios(gpsLongitude, 151, 1))
	f.Add(w.done(w.directory(text(tagMaker, "Acme"), w.short(tagOrientation, 6), w.long(tagExif, 4, exif), w.long(tagGPS, 4, gps))))
	f.Fuzz(func(t *testing.T, data []byte) {
		x := read(data)
		if x.Orientation < 0 || x.Orientation > 8 || strings.ContainsRune(x.Model, 0) {
			t.Errorf("%+v", x)
		}
	})
}
