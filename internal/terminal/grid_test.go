package terminal_test

import (
	"bytes"
	"encoding/base64"
	"image"
	"image/color"
	"image/jpeg"
	"regexp"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/ansi/kitty"
	"github.com/charmbracelet/x/ansi/sixel"

	"github.com/imgsearch/imgsearch/internal/terminal"
)

func testImage(width, height int) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			img.SetRGBA(x, y, color.RGBA{uint8(80 * y), uint8(60 * x), 200, 255})
		}
	}
	return img
}

func draw(t *testing.T, s terminal.Screen, tiles ...terminal.Tile) string {
	t.Helper()
	var b bytes.Buffer
	if err := s.Draw(&b, tiles); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestBlocks reads the grid as lines of text.
func TestBlocks(t *testing.T) {
	screen := terminal.Screen{Protocol: terminal.Blocks, Columns: 80, TrueColor: true}
	width, height := screen.Box()
	if width != 39 || height != 28 {
		t.Errorf("a tile of %d x %d pixels, want two tiles in 80 columns", width, height)
	}
	out := draw(t, screen,
		terminal.Tile{Image: testImage(4, 3), Caption: "1  a.jpg"}, terminal.Tile{Image: testImage(2, 6), Caption: "2  " + strings.Repeat("long", 20)},
		terminal.Tile{Caption: "3  gone.jpg"})
	want := []string{
		"▀▀▀▀" + strings.Repeat(" ", 37) + "▀▀",
		"▀▀▀▀" + strings.Repeat(" ", 37) + "▀▀",
		strings.Repeat(" ", 41) + "▀▀",
		"1  a.jpg" + strings.Repeat(" ", 33) + "2  " + strings.Repeat("long", 9)[:35] + "…",
		"", "3  gone.jpg",
	}
	if got := strings.Split(strings.TrimSuffix(ansi.Strip(out), "\n"), "\n"); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if !strings.Contains(out, "38;2;0;60;200") || !strings.Contains(out, "48;2;80;60;200") {
		t.Errorf("24 bits of colour: %q", out)
	}
	screen.TrueColor = false
	if out = draw(t, screen, terminal.Tile{Image: testImage(4, 3)}); strings.Contains(out, "38;2") || !strings.Contains(out, "38;5") {
		t.Errorf("256 colours: %q", out)
	}
}

// TestBox checks that tiles use the screen's width and height.
func TestBox(t *testing.T) {
	for _, c := range []struct {
		screen        terminal.Screen
		width, height int
	}{
		{terminal.Screen{Protocol: terminal.Blocks, Columns: 30}, 30, 22},
		{terminal.Screen{Protocol: terminal.Blocks, Columns: 120, Rows: 50}, 38, 28},
		{terminal.Screen{Protocol: terminal.Blocks}, 39, 28},
		{terminal.Screen{Protocol: terminal.Blocks, Columns: 80, Rows: 10}, 39, 16},
		{terminal.Screen{Protocol: terminal.Sixel, Columns: 80}, 250, 180},
		{terminal.Screen{Protocol: terminal.Sixel, Columns: 80, CellWidth: 18, CellHeight: 36}, 450, 324},
		{terminal.Screen{Protocol: terminal.Kitty, Columns: 80}, 500, 360},
	} {
		if w, h := c.screen.Box(); w != c.width || h != c.height {
			t.Errorf("%+v: %d x %d, want %d x %d", c.screen, w, h, c.width, c.height)
		}
	}
}

var moves = regexp.MustCompile(`\x1b\[(\d*)([ABC])`)

// TestPixels decodes the pictures in the output, and checks where the cursor ends.
func TestPixels(t *testing.T) {
	for p, payload := range map[terminal.Protocol]string{
		terminal.Kitty: `\x1b_G[^;]*;([^\x1b]*)\x1b\\`, terminal.ITerm2: `\x1b\]1337;File=[^:]*:([^\x07]*)\x07`, terminal.Sixel: `\x1bP0;1q([^\x1b]*)\x1b\\`,
	} {
		t.Run(string(p), func(t *testing.T) {
			screen := terminal.Screen{Protocol: p, Columns: 80, CellWidth: 10, CellHeight: 20}
			out := draw(t, screen, terminal.Tile{Image: testImage(30, 60), Caption: "one"}, terminal.Tile{Caption: "two"}, terminal.Tile{Image: testImage(30, 18), Caption: "three"},
				terminal.Tile{Image: testImage(10, 12), Caption: "four"})
			sizes := []image.Point{{30, 60}, {30, 18}, {10, 12}}
			drawn := regexp.MustCompile(payload).FindAllStringSubmatch(out, -1)
			if len(drawn) != len(sizes) {
				t.Fatalf("%d pictures, want %d: %q", len(drawn), len(sizes), out)
			}
			for i, one := range drawn {
				if img, err := decodePixels(p, one[1]); err != nil || img.Bounds().Size() != sizes[i] {
					t.Errorf("picture %d: %v, want %v", i, err, sizes[i])
				}
			}
			plain := regexp.MustCompile(payload).ReplaceAllString(out, "PICTURE")
			up, down := 0, 0
			for _, m := range moves.FindAllStringSubmatch(plain, -1) {
				switch n := len(m[1]); {
				case m[2] == "A":
					up += int(m[1][0] - '0')
				case m[2] == "B" && n > 0:
					down += int(m[1][0] - '0')
				case m[2] == "B":
					down++
				}
			}
			// Three rows of characters and one, with a caption and its newline below each, and one newline between them.
			if up != 4+2 || down != 3+1 || strings.Count(plain, "\n") != up+3 {
				t.Errorf("up %d, down %d, %d new lines: %q", up, down, strings.Count(plain, "\n"), plain)
			}
			if !strings.Contains(plain, ansi.CursorForward(2*(25+2))+ansi.SaveCursor+"PICTURE"+ansi.RestoreCursor) ||
				!strings.Contains(plain, "one                        two                        three\n") {
				t.Errorf("%q", plain)
			}
		})
	}
	if out := draw(t, terminal.Screen{Protocol: terminal.None}, terminal.Tile{Image: testImage(4, 3), Caption: "x"}); out != "" {
		t.Errorf("none: %q", out)
	}
}

func decodePixels(p terminal.Protocol, payload string) (image.Image, error) {
	if p == terminal.Sixel {
		return new(sixel.Decoder).Decode(strings.NewReader(payload))
	}
	data, err := base64.StdEncoding.DecodeString(payload)
	if err != nil {
		return nil, err
	}
	if p == terminal.Kitty {
		return (&kitty.Decoder{Format: kitty.PNG}).Decode(bytes.NewReader(data))
	}
	return jpeg.Decode(bytes.NewReader(data))
}
