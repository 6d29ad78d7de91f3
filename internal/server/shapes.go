package server

import (
	"context"
	"encoding/binary"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"github.com/imgsearch/imgsearch/index/store"
)

func (s *Server) addShapes(api huma.API) {
	op := operation(http.MethodGet, apiPath+"/shapes", "shapes", "The shapes of all photos that match filters, to lay them out",
		"In the order of /search without a query, newest first. Numbers are unsigned and little-endian: the number of months and the number of photos (32 bits each); for each month, "+
			"its year, its number from 1 to 12 (16 bits each; 0: unknown) and the number of its first photo (32 bits); for each photo, its width divided by its height, in thousandths (16 bits).")
	binaryAnswer(&op, octets)
	registerStream(s, api, op, func(ctx context.Context, in *struct{ FilterParams }) (answer, error) {
		done, p := s.limits.lookups.enter(ctx)
		if p != nil {
			return nil, p
		}
		defer done()
		shapes, err := s.shapes(ctx, in.FilterParams)
		return shapesAnswer(encodeShapes(shapes)), err
	})
}

const octets = "application/octet-stream"

func (s *Server) shapes(ctx context.Context, p FilterParams) (shapes store.Shapes, err error) {
	_, engine, done, err := s.Use(ctx)
	if err != nil {
		return shapes, err
	}
	defer done()
	filter, err := p.In(ctx, engine, option)
	if err != nil {
		return shapes, err
	}
	return engine.Shapes(ctx, filter)
}

func encodeShapes(s store.Shapes) []byte {
	b := make([]byte, 0, 8+8*len(s.Months)+2*len(s.Ratios))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(s.Months)))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(s.Ratios)))
	for _, m := range s.Months {
		b = binary.LittleEndian.AppendUint16(b, uint16(m.Year))
		b = binary.LittleEndian.AppendUint16(b, uint16(m.Month))
		b = binary.LittleEndian.AppendUint32(b, uint32(m.First))
	}
	for _, r := range s.Ratios {
		b = binary.LittleEndian.AppendUint16(b, r)
	}
	return b
}

// shapesAnswer sends shapes, which change with the index.
type shapesAnswer []byte

func (a shapesAnswer) send(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", octets)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Length", strconv.Itoa(len(a)))
	_, _ = w.Write(a)
}
