package original

import "github.com/imgsearch/imgsearch/embed/decode/jpeg"

// Means of the quantisation tables for quality 50 (T.81, annex K, tables K.1 and K.2), which libjpeg scales.
const (
	meanLuma50   = 57.625
	meanChroma50 = 86.015625
)

// libjpegQuality is the quality, 1 to 100, at which libjpeg's tables have the same mean. Its jpeg_quality_scaling multiplies the tables of
// quality 50 by 200 - 2Q per cent for higher qualities and 5000/Q per cent for lower ones.
func libjpegQuality(q jpeg.Quantisation) float64 {
	luma, chroma := 0, 0
	for i := range q.Luma {
		luma += q.Luma[i]
		chroma += q.Chroma[i]
	}
	mean50 := meanLuma50 + meanChroma50
	if q.Luma == q.Chroma { // one table for all, or no colours
		mean50 = 2 * meanLuma50
	}
	scale := 100 * float64(luma+chroma) / 64 / mean50
	if scale <= 100 {
		return max(min((200-scale)/2, 100), 1)
	}
	return max(5000/scale, 1)
}
