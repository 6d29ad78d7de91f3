package postgres

import (
	"database/sql/driver"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5/pgtype"
)

// packed is a vector in half precision, little-endian: store.Vector.Data.
type packed []byte

// halves encodes packed vectors in pgvector's binary form of halfvec: the dimension and a zero of 16 bits each, then the numbers, all big-endian
// (halfvec_recv in pgvector's src/halfvec.c).
type halves struct{}

var errHalves = errors.New("not a packed vector")

const halvesHeader = 4

// FormatSupported reports whether a format is supported.
func (halves) FormatSupported(format int16) bool { return format == pgtype.BinaryFormatCode }

// PreferredFormat returns the binary format.
func (halves) PreferredFormat() int16 { return pgtype.BinaryFormatCode }

// PlanEncode returns how to encode a packed vector.
func (halves) PlanEncode(_ *pgtype.Map, _ uint32, format int16, value any) pgtype.EncodePlan {
	if _, ok := value.(packed); !ok || format != pgtype.BinaryFormatCode {
		return nil
	}
	return halves{}
}

// Encode appends a vector to a message.
func (halves) Encode(value any, buf []byte) ([]byte, error) {
	v, ok := value.(packed)
	if !ok {
		return nil, errHalves
	}
	buf = binary.BigEndian.AppendUint16(buf, uint16(len(v)/2))
	buf = append(buf, 0, 0)
	return appendSwapped(buf, v), nil
}

// PlanScan returns how to read a packed vector.
func (halves) PlanScan(_ *pgtype.Map, _ uint32, format int16, target any) pgtype.ScanPlan {
	if _, ok := target.(*packed); !ok || format != pgtype.BinaryFormatCode {
		return nil
	}
	return halves{}
}

// Scan reads a vector from a message.
func (halves) Scan(src []byte, target any) error {
	v, ok := target.(*packed)
	if !ok || len(src) < halvesHeader || len(src)%2 != 0 {
		return errHalves
	}
	*v = appendSwapped((*v)[:0], src[halvesHeader:])
	return nil
}

// appendSwapped appends 16-bit numbers in the other order of bytes.
func appendSwapped(buf, numbers []byte) []byte {
	for i := 0; i+1 < len(numbers); i += 2 {
		buf = append(buf, numbers[i+1], numbers[i])
	}
	return buf
}

// DecodeDatabaseSQLValue is for database/sql, which is not used.
func (halves) DecodeDatabaseSQLValue(*pgtype.Map, uint32, int16, []byte) (driver.Value, error) {
	return nil, fmt.Errorf("%w: database/sql", errHalves)
}

// DecodeValue returns a packed vector.
func (halves) DecodeValue(_ *pgtype.Map, _ uint32, _ int16, src []byte) (any, error) {
	if src == nil {
		return nil, nil //nolint:nilnil // NULL
	}
	var v packed
	return v, halves{}.Scan(src, &v)
}
