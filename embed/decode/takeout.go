package decode

import (
	"encoding/json"
	"errors"
	"math"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/imgsearch/imgsearch/embed/decode/meta"
)

// Export is what an export's JSON says about a picture.
type Export struct {
	// TakenAt is when the picture was taken, in RFC 3339 and UTC; "" if that is unknown.
	TakenAt string
	// HasGPS reports whether Latitude and Longitude, in degrees, are known.
	HasGPS              bool
	Latitude, Longitude float64
	OwnerMetadata
}

// Favourite is the keyword of a picture that its owner has marked as a favourite, and albumPrefix precedes the name of an album.
const (
	Favourite   = "favourite"
	albumPrefix = "album:"
)

// yearFolder matches the titles of the folders that hold the pictures of a year, in the languages of exports that we know. They are no albums.
var yearFolder = regexp.MustCompile(`^(?i:photos from|fotos von|photos de|fotos de|foto del|foto da|foto's uit|zdjęcia z|foton från|bilder fra|billeder fra) \d{4}$`)

// ErrExport means that a file is not the JSON of an export.
var ErrExport = errors.New("damaged JSON")

// takeout is Google Takeout's JSON about a picture or an album, as far as it is read.
type takeout struct {
	Title       string `json:"title"`
	Description string `json:"description"`
	Taken       struct {
		Timestamp string `json:"timestamp"`
	} `json:"photoTakenTime"`
	GeoData     position `json:"geoData"`
	GeoDataExif position `json:"geoDataExif"`
	People      []struct {
		Name string `json:"name"`
	} `json:"people"`
	Favorited bool `json:"favorited"`
}

type position struct {
	Latitude  float64 `json:"latitude"`
	Longitude float64 `json:"longitude"`
}

// maxPeopleInExport bounds the people of one picture.
const maxPeopleInExport = 1000

// ReadTakeout reads Google Takeout's JSON about a picture, whose file has a name. JSON of other programs, or about another picture, says nothing. Its errors
// wrap ErrExport.
func ReadTakeout(name string, data []byte) (e Export, err error) {
	t, err := readTakeout(data)
	if err == nil && mayBe(name, t.Title) {
		e.fill(t)
	}
	return e, err
}

// ReadTakeoutAlbum reads Google Takeout's JSON about the album that a folder is. Its errors wrap ErrExport.
func ReadTakeoutAlbum(data []byte) (e Export, err error) {
	t, err := readTakeout(data)
	if title := oneText(t.Title); title != "" && !yearFolder.MatchString(title) {
		e.Keywords = keywords([]string{albumPrefix + title})
	}
	return e, err
}

// longName is the number of characters from which Google cuts the names of JSON files, so that several pictures seem to have the same one.
const longName = 46

// mayBe reports whether a file may be the picture that had a name when it was uploaded. Short names are in the name of the JSON itself. Google cuts long
// ones and replaces some of their marks, and what follows a hyphen or a bracket may have been added.
func mayBe(name, title string) bool {
	was, is := []rune(strings.ToLower(title)), []rune(strings.ToLower(name))
	if len(is) <= longName {
		return true
	}
	is, was = []rune(strings.TrimSuffix(string(is), path.Ext(string(is)))), []rune(strings.TrimSuffix(string(was), path.Ext(string(was))))
	for i := range min(len(is), len(was)) {
		if i >= longName && (is[i] == '-' || is[i] == '(') {
			break
		}
		if is[i] != was[i] && isWordRune(is[i]) && isWordRune(was[i]) {
			return false
		}
	}
	return true
}

func isWordRune(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// readTakeout decodes JSON. A field of another type than Takeout's is that of another program: it says nothing.
func readTakeout(data []byte) (t takeout, err error) {
	err = json.Unmarshal([]byte(strings.TrimPrefix(string(data), "\ufeff")), &t)
	if _, other := errors.AsType[*json.UnmarshalTypeError](err); other {
		return takeout{}, nil
	}
	if err != nil {
		return takeout{}, ErrExport
	}
	return t, nil
}

func (e *Export) fill(t takeout) {
	if seconds, err := strconv.ParseInt(t.Taken.Timestamp, 10, 64); err == nil {
		if at := time.Unix(seconds, 0).UTC(); at.Year() >= 1800 && at.Year() < 10000 && seconds != 0 {
			e.TakenAt = at.Format(time.RFC3339)
		}
	}
	for _, p := range []position{t.GeoData, t.GeoDataExif} {
		if !e.HasGPS && (p.Latitude != 0 || p.Longitude != 0) && math.Abs(p.Latitude) <= 90 && math.Abs(p.Longitude) <= 180 {
			e.HasGPS, e.Latitude, e.Longitude = true, p.Latitude, p.Longitude
		}
	}
	var people []meta.Person
	for _, p := range t.People[:min(len(t.People), maxPeopleInExport)] {
		people = append(people, meta.Person{Name: p.Name})
	}
	owner := ownerOf(meta.XMP{People: people, Description: t.Description})
	e.People, e.Description = owner.People, owner.Description
	if t.Favorited {
		e.Keywords = []string{Favourite}
	}
}
