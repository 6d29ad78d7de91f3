package relay

import (
	"context"
	"errors"
	"math"
	"net"
	"net/http"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/imgsearch/imgsearch/index/query"
	"github.com/imgsearch/imgsearch/index/store"
	"github.com/imgsearch/imgsearch/internal/pictures"
	"github.com/imgsearch/imgsearch/internal/socket"
)

// fill sets every field that can be set to a value that is not the zero value, except below pointers, where zero values must survive too.
func fill(v reflect.Value, n *int, zero bool) {
	*n++
	switch v.Kind() {
	case reflect.String:
		if !zero {
			v.SetString("a\xff\x00" + string(rune('a'+*n%26)))
		}
	case reflect.Int, reflect.Int64, reflect.Int32, reflect.Int8:
		if !zero {
			v.SetInt(int64(*n%100 + 1))
		}
	case reflect.Uint8, reflect.Uint64, reflect.Uint32:
		if !zero {
			v.SetUint(uint64(*n%200 + 1))
		}
	case reflect.Float64, reflect.Float32:
		if !zero {
			v.SetFloat(float64(*n) / 7)
		}
	case reflect.Bool:
		v.SetBool(!zero)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n, v.Type().Elem().Kind() != reflect.Struct)
	case reflect.Slice:
		if v.Type().Elem() == reflect.TypeFor[query.Notice]() || v.Type().Elem() == reflect.TypeFor[store.Filter]() && *n > 200 { // filters have filters
			return
		}
		length := 1 + *n%2
		v.Set(reflect.MakeSlice(v.Type(), length, length))
		for i := range length {
			fill(v.Index(i), n, false)
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), n, zero)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() && v.Type().Field(i).Name != "Among" {
				fill(v.Field(i), n, zero)
			}
		}
	}
}

// pair returns a client and the requests that its server gets; the server answers with the given function.
func pair(t *testing.T, mine, theirs Identity, search func(context.Context, query.Request) (*query.Response, error)) (*Client, error) {
	t.Helper()
	index := filepath.Join(t.TempDir(), "i.db")
	path, err := Path(index)
	if err != nil {
		t.Skip(err)
	}
	l, err := socket.Listen(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: Handler(func() (Identity, error) { return theirs, nil }, search), ReadHeaderTimeout: time.Second}
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	c, err := Dial(t.Context(), index, mine)
	if c != nil {
		t.Cleanup(c.Close)
	}
	return c, err
}

// TestNothingIsLost sends requests and answers in which every field is set, and those in which none is.
func TestNothingIsLost(t *testing.T) {
	var asked query.Request
	n := 0
	fill(reflect.ValueOf(&asked).Elem(), &n, false)
	for i := range asked.Terms {
		asked.Terms[i].Picture = &pictures.Term{Path: "/p/\xff.jpg"}
	}
	var answer query.Response
	fill(reflect.ValueOf(&answer).Elem(), &n, false)
	answer.Best = math.Inf(-1)
	answer.Notices = []query.Notice{
		query.PartlyEmbedded{Pictures: 3}, query.WantedModel{Pictures: 4}, query.PartlyRead{Read: 1, Pictures: 2, Off: true}, query.NoLanguage{Model: "m"},
		query.VectorFileDamaged{Model: "m"}, query.VectorsDamaged{Model: "n"},
	}
	answer.Hits[0].Also, answer.Hits[0].Keywords = nil, []string{}
	for _, x := range []struct {
		asked  query.Request
		answer query.Response
	}{{asked, answer}, {query.Request{}, query.Response{}}} {
		c, err := pair(t, Identity{Version: "1"}, Identity{Version: "1"}, func(_ context.Context, r query.Request) (*query.Response, error) {
			if len(r.Terms) == 0 {
				r.Terms = nil // nil and empty are the same
			}
			if !reflect.DeepEqual(r, x.asked) {
				t.Errorf("request:\n%+v\nwant\n%+v", r, x.asked)
			}
			return &x.answer, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		got, err := c.Search(t.Context(), x.asked)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(*got, x.answer) {
			t.Errorf("answer:\n%+v\nwant\n%+v", *got, x.answer)
		}
	}
}

// TestOthersAreRefused checks that a client uses only a server that is the same program.
func TestOthersAreRefused(t *testing.T) {
	mine := Identity{"1", "auto", "a", "i"}
	for _, theirs := range []Identity{{"2", "auto", "a", "i"}, {"1", "cpu", "a", "i"}, {"1", "auto", "b", "i"}, {"1", "auto", "a", "j"}} {
		if _, err := pair(t, mine, theirs, nil); !errors.Is(err, ErrOther) {
			t.Errorf("%v: %v", theirs, err)
		}
	}
}

// TestLongPath checks that an index with a long path has no socket.
func TestLongPath(t *testing.T) {
	for length, want := range map[int]error{socket.MaxPath - len(".sock"): nil, socket.MaxPath - len(".sock") + 1: socket.ErrLong} {
		if _, err := Path("/" + strings.Repeat("x", length-1)); !errors.Is(err, want) && !errors.Is(err, ErrSystem) {
			t.Errorf("%d bytes: %v, want %v", length, err, want)
		}
	}
}

// TestSilentServer checks that a program that accepts connections but says nothing does not hold up a client.
func TestSilentServer(t *testing.T) {
	index := filepath.Join(t.TempDir(), "i.db")
	path, err := Path(index)
	if err != nil {
		t.Skip(err)
	}
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if _, err := Dial(t.Context(), index, Identity{}); err == nil {
		t.Error("connected")
	}
}

// TestForeignPictures checks that a picture that is not in a file is not sent.
func TestForeignPictures(t *testing.T) {
	for _, term := range []query.Term{{Picture: foreign{}}, {Picture: &pictures.Term{Path: "relative.jpg"}}} {
		if _, err := newRequest(query.Request{Terms: []query.Term{term}}); !errors.Is(err, errPicture) {
			t.Errorf("%+v: %v", term, err)
		}
	}
}

type foreign struct{ query.Given }
