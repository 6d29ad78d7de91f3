package meta

import (
	"fmt"
	"regexp"
	"strconv"
	"time"
)

// datePattern is a date as EXIF writes it, "2023:07:01 12:00:00", or as programs do: with other separators, single digits, without seconds,
// with fractions of them, and with a zone.
var datePattern = regexp.MustCompile(`^(\d{4})[:/.\-](\d{1,2})[:/.\-](\d{1,2})[ T]+(\d{1,2})[:.](\d{1,2})(?:[:.](\d{1,2})(?:[.,]\d+)?)?\s*(Z|[+-]\d{2}:?\d{2})?$`)

var zonePattern = regexp.MustCompile(`^(Z|[+-]\d{2}:?\d{2})$`)

// firstPhotograph is the year of the oldest one that exists.
const firstPhotograph = 1826

// Date converts a date to the local time in RFC 3339, with the zone where it is known: "2023-07-01T12:00:00+02:00". zone is a zone that is stored
// elsewhere, or "". The result is "" if the text is no date.
func Date(text, zone string) string {
	part := datePattern.FindStringSubmatch(text)
	if part == nil {
		return ""
	}
	var n [7]int
	for i := 1; i <= 6; i++ {
		n[i], _ = strconv.Atoi(part[i]) // digits, or none
	}
	year, month, day, hour, minute, second := n[1], n[2], n[3], n[4], n[5], n[6]
	nextDay := hour == 24 && minute == 0 && second == 0 // midnight at the end of the day
	if nextDay {
		hour = 0
	}
	t := time.Date(year, time.Month(month), day, hour, minute, second, 0, time.UTC)
	if t.Year() != year || int(t.Month()) != month || t.Day() != day || t.Hour() != hour || t.Minute() != minute || t.Second() != second || year < firstPhotograph {
		return "" // such as the 31st of February, or 0000:00:00
	}
	if nextDay {
		t = t.AddDate(0, 0, 1)
	}
	if part[7] != "" {
		zone = part[7]
	}
	return t.Format("2006-01-02T15:04:05") + normalZone(zone)
}

// normalZone returns a zone as "+02:00", "" if it is none.
func normalZone(zone string) string {
	switch {
	case !zonePattern.MatchString(zone):
		return ""
	case zone == "Z":
		return "+00:00"
	case len(zone) == len("+0200"):
		zone = zone[:3] + ":" + zone[3:]
	}
	if hours, err := strconv.Atoi(zone[1:3]); err != nil || hours > 14 || zone[4:] > "59" {
		return ""
	}
	return fmt.Sprint(zone)
}
