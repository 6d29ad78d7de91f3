package ask

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// TestEveryFilterIsAParameter checks that the API has every filter, in addresses and in JSON under the same name, and passes its values on.
func TestEveryFilterIsAParameter(t *testing.T) {
	p := reflect.New(reflect.TypeFor[FilterParams]()).Elem()
	for i := range p.NumField() {
		f := p.Type().Field(i)
		inAddress, _, _ := strings.Cut(f.Tag.Get("query"), ",")
		inJSON, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if inAddress != inJSON || f.Tag.Get("doc") == "" {
			t.Errorf("%s is %q in addresses and %q in JSON: %q", f.Name, inAddress, inJSON, f.Tag.Get("doc"))
		}
		if p.Field(i).Kind() == reflect.String {
			p.Field(i).SetString("x")
		} else {
			p.Field(i).Set(reflect.ValueOf([]string{"x"}))
		}
	}
	got := slices.Sorted(maps.Keys(p.Interface().(FilterParams).values()))
	if want := slices.Sorted(slices.Values(FilterNames)); !slices.Equal(got, want) {
		t.Errorf("parameters %v\nfilters %v", got, want)
	}
}
