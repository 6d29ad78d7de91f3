package decode

import (
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func TestReadTakeout(t *testing.T) {
	e, err := ReadTakeout("IMG_1.jpg", []byte(`{"title": "IMG_1.jpg", "description": "On the beach", "photoTakenTime": {"timestamp": "1563198300", "formatted": "Jul 15, 2019"},
		"geoData": {"latitude": 0.0, "longitude": 0.0}, "geoDataExif": {"latitude": 48.8584, "longitude": 2.2945, "altitude": 3.0},
		"people": [{"name": "Anna"}, {"name": "Bo"}, {"name": "Anna"}, {}], "favorited": true, "googlePhotosOrigin": {"mobileUpload": {}}}`))
	want := Export{TakenAt: "2019-07-15T13:45:00Z", HasGPS: true, Latitude: 48.8584, Longitude: 2.2945, OwnerMetadata: OwnerMetadata{
		Keywords: []string{"favourite"}, People: []string{"Anna", "Bo"}, Description: "On the beach",
	}}
	if err != nil || !reflect.DeepEqual(e, want) {
		t.Errorf("%+v, %v, want %+v", e, err, want)
	}
	album, err := ReadTakeoutAlbum([]byte("\ufeff{\"title\": \"Trip to\\n Rome\", \"access\": \"protected\"}"))
	if want := (Export{OwnerMetadata: OwnerMetadata{Keywords: []string{"album:Trip to Rome"}}}); err != nil || !reflect.DeepEqual(album, want) {
		t.Errorf("the album: %+v, %v, want %+v", album, err, want)
	}
	for name, text := range map[string]string{
		"another program's": `{"title": {"rendered": "x"}, "people": 3}`, "a list": `[1, 2]`, "empty": `{}`, "a wrong time": `{"photoTakenTime": {"timestamp": "99999999999999"}}`,
		"no time": `{"photoTakenTime": {"timestamp": "0"}}`, "a wrong place": `{"geoData": {"latitude": 91, "longitude": 3}}`,
	} {
		if e, err := ReadTakeout("IMG_1.jpg", []byte(text)); err != nil || !reflect.DeepEqual(e, Export{}) {
			t.Errorf("%s: %+v, %v", name, e, err)
		}
	}
	for title, want := range map[string][]string{
		"Photos from 2021": nil, "Fotos von 2019": nil, "Foto's uit 2020": nil, "Photos from 2021 to 2022": {"album:Photos from 2021 to 2022"}, "2021": {"album:2021"},
	} {
		if e, err := ReadTakeoutAlbum([]byte(`{"title": "` + title + `"}`)); err != nil || !slices.Equal(e.Keywords, want) {
			t.Errorf("the folder %s: %v, %v, want %v", title, e.Keywords, err, want)
		}
	}
	for name, text := range map[string]string{
		"no JSON": "hello", "cut off": `{"title": "x"`, "nested": strings.Repeat("[", 1_000_000), "nothing": "",
	} {
		if _, err := ReadTakeout("IMG_1.jpg", []byte(text)); !errors.Is(err, ErrExport) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := ReadTakeoutAlbum([]byte(text)); !errors.Is(err, ErrExport) {
			t.Errorf("%s as an album: %v", name, err)
		}
	}
}

func FuzzReadTakeout(f *testing.F) {
	f.Add([]byte(`{"title": "a", "people": [{"name": "b"}]}`), []byte(`{"title": "c"}`))
	f.Fuzz(func(t *testing.T, picture, album []byte) {
		e, err := ReadTakeout("IMG_1.jpg", picture)
		if err == nil && (len(e.People) > maxPeopleInExport || len(e.Description) > maxDescription) {
			t.Errorf("%d people, a description of %d bytes", len(e.People), len(e.Description))
		}
		if e, err := ReadTakeoutAlbum(album); err == nil && len(e.Keywords) > 1 {
			t.Errorf("%d albums", len(e.Keywords))
		}
	})
}

// TestSharedExport: of the pictures whose long names begin alike, JSON is about the one that its title names.
func TestSharedExport(t *testing.T) {
	const one = "Screenshot_20230102-030405_com.example.messenger_one"
	for name, want := range map[string]bool{
		one + ".jpg": true, strings.ToUpper(one) + ".JPG": true, one[:50] + ".jpg": true, one[:50] + "(1).jpg": true, one[:50] + "-edited.jpg": true,
		strings.Replace(one, ".", "_", 1) + ".jpg": true, strings.TrimSuffix(one, "one") + "two.jpg": false, "Photo.jpg": true,
	} {
		e, err := ReadTakeout(name, []byte(`{"title": "`+one+`.jpg", "description": "x"}`))
		if err != nil || e.Description == "x" != want {
			t.Errorf("%s: %+v, %v", name, e, err)
		}
	}
}
