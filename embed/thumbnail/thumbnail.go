// Package thumbnail makes small, upright copies of pictures: for the index, for a page, for the terminal. It must not know
// who shows or stores them.
package thumbnail

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"sync"

	"github.com/disintegration/imaging"

	"github.com/imgsearch/imgsearch/embed/decode"
	"github.com/imgsearch/imgsearch/embed/preprocess"
	"github.com/imgsearch/imgsearch/internal/regular"
)

// Side is the short side in pixels of the previews that an index keeps: enough for models with inputs up to that size. A panorama's long
// side is at most maxRatio times that.
const (
	Side     = 448
	maxRatio = 4
)

// quality is the JPEG quality: a preview of 448 pixels takes 30 to 60 kB.
const quality = 80

// Box bounds the size of a picture in pixels: its short and long side, and its width and height; 0 is no bound.
type Box struct{ Short, Long, Width, Height int }

// Preview is the box of the previews that an index keeps.
var Preview = Box{Short: Side, Long: maxRatio * Side}

// Fits reports whether a picture with the given short side is large enough for the box.
func (b Box) Fits(side int) bool {
	return b.Short > 0 && b.Short <= side || b.Width > 0 && b.Height > 0 && min(b.Width, b.Height) <= side
}

// Image is a small picture, upright.
type Image = *image.RGBA

// fit returns the size of a picture in the box. A picture is never enlarged.
func (b Box) fit(width, height int) (w, h int) {
	scale := 1.0
	for _, s := range [][2]int{{b.Short, min(width, height)}, {b.Long, max(width, height)}, {b.Width, width}, {b.Height, height}} {
		if s[0] > 0 && s[1] > 0 {
			scale = min(scale, float64(s[0])/float64(s[1]))
		}
	}
	return max(int(float64(width)*scale+0.5), 1), max(int(float64(height)*scale+0.5), 1)
}

// Of resizes a decoded picture into a box, and turns it upright. The filter is a triangle, widened by the factor of reduction.
func Of(img *decode.Image, box Box) Image {
	width, height := box.fit(preprocess.Upright(img.Width, img.Height, img.Orientation))
	width, height = preprocess.Upright(width, height, img.Orientation) // as they are stored
	small := upright(imaging.Resize(pixels(img), width, height, imaging.Linear), img.Orientation)
	// Nothing is transparent, so premultiplied or not makes no difference; the JPEG encoder is fast with this type.
	return &image.RGBA{Pix: small.Pix, Stride: small.Stride, Rect: small.Rect}
}

// Bytes returns the memory that Of needs for a picture with so many pixels, besides the picture's own: a copy with four bytes per pixel.
func Bytes(pixels int64) int64 { return 4 * pixels }

// pixels returns the pixels of a decoded picture, as they are stored.
func pixels(img *decode.Image) *image.NRGBA {
	out := image.NewNRGBA(image.Rect(0, 0, img.Columns, img.Rows))
	rgb := make([]byte, 3*img.Columns)
	for y := range img.Rows {
		img.Row(y, rgb)
		row := out.Pix[y*out.Stride:]
		for x := range img.Columns {
			copy(row[4*x:], rgb[3*x:3*x+3])
			row[4*x+3] = 255
		}
	}
	return out
}

// upright turns a picture by EXIF's orientation (TIFF 6.0, Orientation); imaging turns anti-clockwise.
func upright(img *image.NRGBA, orientation int) *image.NRGBA {
	switch orientation {
	case 2:
		return imaging.FlipH(img)
	case 3:
		return imaging.Rotate180(img)
	case 4:
		return imaging.FlipV(img)
	case 5:
		return imaging.Transpose(img)
	case 6:
		return imaging.Rotate270(img)
	case 7:
		return imaging.Transverse(img)
	case 8:
		return imaging.Rotate90(img)
	}
	return img
}

// maxPixels bounds the pictures that a thumbnail is made of: one that is too large to be indexed is not decoded for its thumbnail.
const maxPixels = 300_000_000

// Large pictures are decoded one at a time: a HEIC of 25 MP takes a gigabyte.
var large sync.Mutex

const largeBytes = 256 << 20

// Open makes a small picture of a file. It reads no more of the file, and decodes it no larger, than necessary.
func Open(path string, box Box) (Image, error) {
	f, err := regular.Open(path, regular.FollowLinks)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	return Read(f, info.Size(), box)
}

// Read makes a small picture of a file of the given size in bytes.
func Read(f decode.Source, size int64, box Box) (Image, error) {
	h, err := decode.ReadHeader(f)
	if err != nil {
		return nil, err
	}
	if h.Pixels() > maxPixels || size > maxPixels {
		return nil, fmt.Errorf("%d x %d pixels in %d bytes are too large for a thumbnail", h.Width, h.Height, size)
	}
	// Upright or not: the bounds of width and height may change places, so the smaller of both decides.
	w, ht := box.fit(h.Width, h.Height)
	tw, th := box.fit(h.Height, h.Width)
	short := max(min(w, ht), min(tw, th))
	data, err := h.ReadExtents(f, size, short)
	if err != nil {
		return nil, err
	}
	if h.DecodeBytes(short)+Bytes(h.DecodedPixels(short)) > largeBytes {
		large.Lock()
		defer large.Unlock()
	}
	img, err := h.Decode(data, h.Meta(bytes.NewReader(data)).Orientation, short)
	if err != nil {
		return nil, err
	}
	return Of(img, box), nil
}

// JPEG encodes a small picture.
func JPEG(img Image) ([]byte, error) {
	var b bytes.Buffer
	err := jpeg.Encode(&b, img, &jpeg.Options{Quality: quality})
	return b.Bytes(), err
}
