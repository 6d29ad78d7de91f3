package decode_test

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/imgsearch/imgsearch/embed/decode"
	"github.com/imgsearch/imgsearch/internal/testkit"
)

// TestMetadataCases reads what other programs read from files that are not as the standards want them: orientation, date, camera, place, rating
// and keywords.
func TestMetadataCases(t *testing.T) {
	dir := testkit.Shared(t, "cases", "decode")
	for name, want := range map[string]string{
		"exif_gps_latitude_0_interop_ifd.jpg":        "1 2019-05-06T07:08:09 Acme Cam 1 -33.8583,151.2100 3 alpha",
		"exif_orientation_type_long.jpg":             "6 2019-05-06T07:08:09 Acme Cam 1 -33.8583,151.2100 3 alpha",
		"exif_orientation_type_byte.jpg":             "6 -  - - ",
		"webp_exif_behind_odd_chunk.webp":            "6 2019-05-06T07:08:09 Acme Cam 1 48.8583,2.2944 - ",
		"webp_exif_with_prefix.webp":                 "6 2019-05-06T07:08:09 Acme Cam 1 - - ",
		"exif_entry_of_type_0.jpg":                   "1 2019-05-06T07:08:09 Acme Cam 1 -33.8583,151.2100 3 alpha",
		"exif_pointer_of_type_13.jpg":                "1 2019-05-06T07:08:09 Acme Cam 1 -33.8583,151.2100 3 alpha",
		"exif_date_original_blank_digitized_set.jpg": "1 2019-05-06T07:08:09  - - ",
		"exif_date_form_slashes.jpg":                 "1 2019-05-06T07:08:09 Acme - - ",
		"exif_date_form_iso_t.jpg":                   "1 2019-05-06T07:08:09 Acme - - ",
		"exif_date_form_tz_suffix.jpg":               "1 2019-05-06T07:08:09+02:00 Acme - - ",
		"exif_date_form_nosec.jpg":                   "1 2019-05-06T07:08:00 Acme - - ",
		"exif_date_form_single.jpg":                  "1 2019-05-06T07:08:09 Acme - - ",
		"exif_date_modify_only.jpg":                  "1 2019-05-06T07:08:09  - - ",
		"xmp_date_only.jpg":                          "1 2019-05-06T07:08:09+02:00  - - ",
		"exif_make_rubbish_behind_nul.jpg":           "1 - Acme Model X - - ",
		"exif_gps_one_rational.jpg":                  "1 -  48.8583,2.2945 - ",
		"exif_gps_refs_lower_case.jpg":               "1 -  -48.8583,-2.2944 - ",
		"iptc_keywords_utf8_declared.jpg":            "1 -  - - für;beta",
		"xmp_rating_microsoft_only.jpg":              "1 -  - 4 ",
		"xmp_utf16.jpg":                              "1 -  - 3 alpha;beta gamma",
		"png_xmp_compressed.png":                     "1 2018-03-04T05:06:07  - 4 alpha;beta",
		"png_exif_in_ztxt.png":                       "6 2019-05-06T07:08:09 Acme Cam 1 48.8583,2.2944 - ",
	} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Error(err)
			continue
		}
		m := meta(t, data)
		taken, place, rating := "-", "-", "-"
		if m.TakenAt != "" {
			taken = m.TakenAt
		}
		if m.HasGPS {
			place = fmt.Sprintf("%.4f,%.4f", m.Latitude, m.Longitude)
		}
		if m.Rated {
			rating = fmt.Sprint(m.Rating)
		}
		if got := fmt.Sprintf("%d %s %s %s %s %s", m.Orientation, taken, m.Camera, place, rating, strings.Join(m.Keywords, ";")); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// stillRefused is what is documented as not read (docs/formats.md).
var stillRefused = []string{"jpeg_truncated_45.jpg"}

// TestPixelCases opens all files that others open.
func TestPixelCases(t *testing.T) {
	dir := testkit.Shared(t, "cases", "decode")
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	opened := 0
	for _, f := range files {
		if f.IsDir() || strings.HasSuffix(f.Name(), ".tsv") {
			continue
		}
		data, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Error(err)
			continue
		}
		h, err := decode.ReadHeader(bytes.NewReader(data))
		var m *decode.Image
		if err == nil {
			m, err = h.Decode(data, 1, 0)
		}
		if refused := slices.Contains(stillRefused, f.Name()); refused != (err != nil) {
			t.Errorf("%s: %v", f.Name(), err)
		}
		if err != nil {
			continue
		}
		opened++
		if m.Width != h.Width || m.Height > h.Height || m.Height < h.Height && !m.Damaged {
			t.Errorf("%s: %d x %d of %d x %d, damaged %v", f.Name(), m.Width, m.Height, h.Width, h.Height, m.Damaged)
		}
	}
	if opened < 55 {
		t.Errorf("only %d files were opened", opened)
	}
	// These were decoded with a wrong size or wrong colours, and no error. The mean colours are Pillow's.
	for name, want := range map[string][3]float64{
		"tiff_g4_black_is_zero.tif": {126.4, 126.4, 126.4}, "tiff_fill_order_2.tif": {100.5, 137.6, 141.4}, "tiff_planes_separate.tif": {100.5, 137.6, 141.4},
		"tiff_zstd.tif": {100.5, 137.6, 141.4}, "tiff_jpeg_cmyk.tif": {100.5, 137.6, 141.4}, "tiff_lab.tif": {100.5, 137.6, 141.4},
	} {
		got := meanOf(t, dir, name)
		for c := range got {
			if math.Abs(got[c]-want[c]) > 1 {
				t.Errorf("%s: mean colour %v, want %v", name, got, want)
				break
			}
		}
	}
	data, err := os.ReadFile(filepath.Join(dir, "heic_clean_aperture.heic"))
	if err != nil {
		t.Fatal(err)
	}
	if h := header(t, data); h.Width != 29 || h.Height != 100 {
		t.Errorf("the clean aperture is %d x %d", h.Width, h.Height)
	}
}

// meanOf returns the mean colour of a picture.
func meanOf(t *testing.T, dir, name string) (mean [3]float64) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	h := header(t, data)
	m, err := h.Decode(data, 1, 0)
	if err != nil {
		t.Fatal(err)
	}
	row := make([]byte, 3*m.Columns)
	for y := range m.Rows {
		m.Row(y, row)
		for i, v := range row {
			mean[i%3] += float64(v) / float64(m.Rows*m.Columns)
		}
	}
	return mean
}
