package original_test

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/image/draw"

	"github.com/imgsearch/imgsearch/internal/original"
	"github.com/imgsearch/imgsearch/internal/testkit"
)

// scene returns a picture with detail of all sizes, like a photograph: noise whose octaves have equal energy.
func scene(seed uint64, w, h int) *image.RGBA {
	r := rand.New(rand.NewPCG(seed, 1))
	sum := make([]float64, w*h)
	for cell := 1; cell < w; cell *= 2 {
		cw, ch := w/cell+2, h/cell+2
		grid := make([]float64, cw*ch)
		for i := range grid {
			grid[i] = r.NormFloat64() * 12
		}
		for y := range h {
			for x := range w {
				fx, fy := float64(x)/float64(cell), float64(y)/float64(cell)
				i, j := int(fx), int(fy)
				u, v := fx-float64(i), fy-float64(j)
				at := func(i, j int) float64 { return grid[j*cw+i] }
				sum[y*w+x] += (at(i, j)*(1-u)+at(i+1, j)*u)*(1-v) + (at(i, j+1)*(1-u)+at(i+1, j+1)*u)*v
			}
		}
	}
	m := image.NewRGBA(image.Rect(0, 0, w, h))
	for i, s := range sum {
		level := func(shift float64) uint8 { return uint8(math.Max(0, math.Min(255, 128+shift+s))) }
		m.SetRGBA(i%w, i/w, color.RGBA{level(10), level(0), level(-15), 255})
	}
	return m
}

func asJPEG(t *testing.T, m image.Image, quality int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := jpeg.Encode(&b, m, &jpeg.Options{Quality: quality}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func asPNG(t *testing.T, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func decoded(t *testing.T, data []byte) image.Image {
	t.Helper()
	m, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func resized(m image.Image, factor float64, kernel draw.Scaler) image.Image {
	size := m.Bounds().Size()
	out := image.NewRGBA(image.Rect(0, 0, int(math.Round(float64(size.X)*factor)), int(math.Round(float64(size.Y)*factor))))
	kernel.Scale(out, out.Rect, m, m.Bounds(), draw.Src, nil)
	return out
}

// onScreen returns a screenshot: the picture on a plain background.
func onScreen(m image.Image) image.Image {
	size := m.Bounds().Size()
	out := image.NewRGBA(image.Rect(0, 0, size.X+20, size.Y+40))
	draw.Draw(out, out.Rect, image.Black, image.Point{}, draw.Src)
	draw.Draw(out, image.Rect(10, 30, 10+size.X, 30+size.Y), m, m.Bounds().Min, draw.Src)
	return out
}

// write creates files with these contents, in this order and with the same age, and returns them as arguments for Rank.
func write(t *testing.T, contents [][]byte) []original.File {
	t.Helper()
	dir := t.TempDir()
	var files []original.File
	for i, data := range contents {
		path := filepath.Join(dir, string(rune('a'+i)))
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		age(t, path, 0)
		files = append(files, original.File{Path: path})
	}
	return files
}

func age(t *testing.T, path string, d time.Duration) {
	t.Helper()
	at := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC).Add(d)
	if err := os.Chtimes(path, at, at); err != nil {
		t.Fatal(err)
	}
}

func firstOf(t *testing.T, files []original.File) int {
	t.Helper()
	ranked, err := original.Rank(context.Background(), files)
	if err != nil {
		t.Fatal(err)
	}
	if len(ranked) != len(files) {
		t.Fatalf("%d ranked of %d", len(ranked), len(files))
	}
	return ranked[0].Index
}

// TestOriginalBeforeItsCopy compares each copy with its photo, in both orders.
func TestOriginalBeforeItsCopy(t *testing.T) {
	for seed := range uint64(4) {
		photo := asJPEG(t, scene(seed, 256, 192), 90)
		m := decoded(t, photo)
		crop := m.(interface {
			SubImage(r image.Rectangle) image.Image
		}).SubImage(image.Rect(5, 4, 256, 192))
		copies := map[string][]byte{
			"quality 30":             asJPEG(t, m, 30),
			"quality 80":             asJPEG(t, m, 80),
			"saved finer, 98":        asJPEG(t, m, 98),
			"PNG":                    asPNG(t, m),
			"enlarged 1.25":          asJPEG(t, resized(m, 1.25, draw.CatmullRom), 95),
			"enlarged 2":             asJPEG(t, resized(m, 2, draw.BiLinear), 85),
			"enlarged 1.5, PNG":      asPNG(t, resized(m, 1.5, draw.CatmullRom)),
			"pixels doubled":         asPNG(t, resized(m, 2, draw.NearestNeighbor)),
			"reduced 0.75":           asJPEG(t, resized(m, 0.75, draw.CatmullRom), 98),
			"reduced 0.5, PNG":       asPNG(t, resized(m, 0.5, draw.CatmullRom)),
			"reduced, enlarged":      asJPEG(t, resized(resized(m, 0.5, draw.CatmullRom), 2, draw.CatmullRom), 95),
			"cropped":                asJPEG(t, crop, 95),
			"screenshot":             asPNG(t, onScreen(m)),
			"screenshot of enlarged": asPNG(t, onScreen(resized(m, 1.5, draw.CatmullRom))),
			"truncated":              photo[:len(photo)*3/4],
			"nothing":                nil,
		}
		for name, data := range copies {
			if got := firstOf(t, write(t, [][]byte{photo, data})); got != 0 {
				t.Errorf("seed %d, %s: the copy comes before the photo if it is given after the photo", seed, name)
			}
			if got := firstOf(t, write(t, [][]byte{data, photo})); got != 1 {
				t.Errorf("seed %d, %s: the copy comes before the photo if it is given before the photo", seed, name)
			}
		}
	}
}

// TestJPEGOfPNG checks that a JPEG made from a lossless picture is taken for the copy, not for the source.
func TestJPEGOfPNG(t *testing.T) {
	m := scene(9, 256, 192)
	for _, quality := range []int{60, 90} {
		if got := firstOf(t, write(t, [][]byte{asJPEG(t, m, quality), asPNG(t, m)})); got != 1 {
			t.Errorf("quality %d: the JPEG comes before the PNG that it was made from", quality)
		}
	}
}

func TestProvenance(t *testing.T) {
	m := scene(3, 256, 192)
	photo := asJPEG(t, m, 90)
	shot := testkit.CameraEXIF{Camera: "X100", Width: 256, Height: 192, Taken: "2024:05:01 10:00:00"}
	edited, stale, firmware := shot, shot, shot
	edited.Software, firmware.Software, stale.Width = "Adobe Lightroom 13.2", "Ver.1.02", 512
	with := func(e testkit.CameraEXIF) []byte { return testkit.InsertSegment(photo, 0xe1, e.Segment()) }
	for name, lesser := range map[string][]byte{"none": photo, "an editor": with(edited), "another size": with(stale)} {
		files := write(t, [][]byte{lesser, with(firmware)})
		age(t, files[1].Path, time.Hour)
		if got := firstOf(t, files); got != 1 {
			t.Errorf("%s: the copy comes before the file that the camera wrote", name)
		}
		paths := []string{files[0].Path, files[1].Path}
		original.SortFiles(paths)
		if paths[0] != files[1].Path {
			t.Errorf("%s: the copy comes before the file that the camera wrote, with equal pictures", name)
		}
	}

	files := write(t, [][]byte{photo, photo})
	files[1].RawTwin = true
	if firstOf(t, files) != 1 {
		t.Error("a raw twin does not count")
	}
	files[1].RawTwin = false
	age(t, files[0].Path, time.Second)
	if firstOf(t, files) != 1 {
		t.Error("the older of two equal files is not the first")
	}
}

// TestFocus checks that the sharper of two shots comes first. Neither is a copy of the other.
func TestFocus(t *testing.T) {
	sharp := scene(5, 256, 192)
	soft := resized(resized(sharp, 0.5, draw.CatmullRom), 2, draw.CatmullRom)
	shot := testkit.CameraEXIF{Camera: "X100", Width: 256, Height: 192, Taken: "2024:05:01 10:00:00"}
	a := testkit.InsertSegment(asJPEG(t, soft, 95), 0xe1, shot.Segment())
	shot.Taken = "2024:05:01 10:00:01"
	b := testkit.InsertSegment(asJPEG(t, sharp, 90), 0xe1, shot.Segment())
	files := write(t, [][]byte{a, b})
	ranked, err := original.Rank(context.Background(), files)
	if err != nil || ranked[0].Index != 1 || !(ranked[0].Sharpness > ranked[1].Sharpness) {
		t.Errorf("%+v, %v", ranked, err)
	}
}

func TestMoreThanIsCompared(t *testing.T) {
	photo := asJPEG(t, scene(1, 64, 64), 50)
	contents := make([][]byte, original.MaxCompared+3)
	for i := range contents {
		contents[i] = photo
	}
	ranked, err := original.Rank(context.Background(), write(t, contents))
	if err != nil || len(ranked) != len(contents) || ranked[len(ranked)-1].Index != 14 {
		t.Errorf("%v, %v", ranked, err)
	}
	ctx, stop := context.WithCancel(context.Background())
	stop()
	if _, err := original.Rank(ctx, write(t, contents[:2])); err == nil {
		t.Error("a cancelled comparison returned no error")
	}
}

// turned rotates a picture so that orientation 6 shows it upright.
func turned(m image.Image) image.Image {
	size := m.Bounds().Size()
	out := image.NewRGBA(image.Rect(0, 0, size.Y, size.X))
	for y := range size.Y {
		for x := range size.X {
			out.Set(y, size.X-1-x, m.At(x, y))
		}
	}
	return out
}

// TestCameraBeforeItsCopies checks that the file from the camera comes before copies that programs made of it, rotated or not.
func TestCameraBeforeItsCopies(t *testing.T) {
	for _, size := range []image.Point{{256, 192}, {203, 205}} {
		m := scene(11, size.X, size.Y)
		shot := testkit.CameraEXIF{Camera: "X100", Software: "Version1.00", Width: size.X, Height: size.Y, Taken: "2024:05:01 10:00:00"}
		photo := testkit.InsertSegment(asJPEG(t, m, 80), 0xe1, shot.Segment())
		shot.Orientation, shot.Width, shot.Height = 6, size.Y, size.X
		portrait := testkit.InsertSegment(asJPEG(t, turned(m), 80), 0xe1, shot.Segment())
		upright := turned(turned(turned(decoded(t, portrait))))
		shown := image.NewRGBA(m.Bounds())
		draw.Draw(shown, shown.Rect, decoded(t, photo), image.Point{}, draw.Src)
		lighter := image.NewRGBA(m.Bounds())
		for i, v := range shown.Pix {
			lighter.Pix[i] = byte(min(int(v)+12, 255))
		}
		for name, c := range map[string][2][]byte{
			"lighter, saved finer":        {photo, asJPEG(t, lighter, 97)},
			"lighter, enlarged":           {photo, asJPEG(t, resized(lighter, 1.5, draw.CatmullRom), 95)},
			"cropped, saved finer":        {photo, asJPEG(t, shown.SubImage(image.Rect(6, 0, size.X, size.Y)), 97)},
			"turned upright, saved finer": {portrait, asJPEG(t, upright, 97)},
			"turned upright, PNG":         {portrait, asPNG(t, upright)},
			"turned upright, enlarged":    {portrait, asJPEG(t, resized(upright, 1.5, draw.CatmullRom), 90)},
		} {
			if firstOf(t, write(t, [][]byte{c[1], c[0]})) != 1 {
				t.Errorf("%v, %s: comes before the photo", size, name)
			}
		}
		// Even without a camera's metadata, a copy that was turned upright and saved at a higher quality shows the original's steps.
		bare := testkit.InsertSegment(asJPEG(t, turned(m), 80), 0xe1, testkit.EXIF(6, ""))
		if firstOf(t, write(t, [][]byte{asJPEG(t, upright, 97), bare})) != 1 {
			t.Errorf("%v: the rotated copy of higher quality comes before its source", size)
		}
	}
}

// TestDrawingBeforeItsCrop checks that a screenshot format does not count against a picture if the other file is a part of it.
func TestDrawingBeforeItsCrop(t *testing.T) {
	m := scene(13, 448, 336)
	part := resized(m.SubImage(image.Rect(10, 0, 448, 336)), 0.5, draw.CatmullRom)
	if firstOf(t, write(t, [][]byte{asJPEG(t, part, 60), asPNG(t, m)})) != 1 {
		t.Error("the cropped picture comes before the whole picture")
	}
}

// TestOriginalAmongMany checks that, of many files, the last ones are compared too.
func TestOriginalAmongMany(t *testing.T) {
	photo := asJPEG(t, scene(2, 96, 96), 90)
	m := decoded(t, photo)
	contents := make([][]byte, original.MaxCompared+4)
	for i := range contents {
		contents[i] = asJPEG(t, resized(m, 1.2+0.05*float64(i), draw.CatmullRom), 80)
	}
	contents[len(contents)-1] = photo
	if got := firstOf(t, write(t, contents)); got != len(contents)-1 {
		t.Errorf("file %d comes first", got)
	}
}
