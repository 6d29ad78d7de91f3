package index

import (
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Dates in names. The first form is that of most phones and cameras, IMG_20230102_030405 or IMG-20230102-WA0003; the second one is that of
// screenshots, messengers and cloud services, "Screenshot 2023-01-02 at 3.04.05 PM" or photo_2023-01-02_03-04-05.
var nameDates = sync.OnceValue(func() []*regexp.Regexp {
	return []*regexp.Regexp{
		regexp.MustCompile(`(?:^|\D)((?:19|20)\d\d)(\d\d)(\d\d)(?:[-_T ]?(\d\d)_?(\d\d)_?(\d\d)(?:\d{3})?())?(?:\D|$)`),
		regexp.MustCompile(`(?:^|\D)((?:19|20)\d\d)[-_.](\d\d)[-_.](\d\d)(?:[-_T, ]+(?:(?:at|um|om|kl|a las|à|alle) )?(\d\d?)[-_.:h꞉]?(\d\d)[-_.:m꞉]?(\d\d)(?:[\s\x{202f}]?([AaPp])\.?[Mm])?)?(?:\D|$)`),
	}
})

// pixelPrefix begins the names that Google's camera gives. Their time is UTC.
const pixelPrefix = "PXL_"

// dateInName returns the date in a file's name, at the precision that it has: "2023-01-02T03:04:05", or "2023-01-02" if there is no time; ""
// if there is none. A date after now is none.
func dateInName(name string, now time.Time) string {
	base := strings.TrimSuffix(name, path.Ext(name))
	for _, form := range nameDates() {
		for rest := base; ; {
			at := form.FindStringSubmatchIndex(rest)
			if at == nil {
				break
			}
			part := func(i int) string {
				if at[2*i] < 0 {
					return ""
				}
				return rest[at[2*i]:at[2*i+1]]
			}
			if date := dateOf(part, now); date != "" {
				if strings.HasPrefix(name, pixelPrefix) && strings.Contains(date, "T") {
					date += "Z"
				}
				return date
			}
			rest = rest[at[3]:] // behind the year: another date may follow
		}
	}
	return ""
}

// dateOf returns the date of a match: year, month, day, hour, minute, second, and the first letter of AM or PM.
func dateOf(part func(int) string, now time.Time) string {
	const day, second = "2006-01-02", "2006-01-02T15:04:05"
	date := part(1) + "-" + part(2) + "-" + part(3)
	t, err := time.Parse(day, date)
	const earliest = 1990 // digital cameras and scanners; smaller numbers are other things
	if err != nil || t.Year() < earliest || t.After(now.Add(24*time.Hour)) {
		return ""
	}
	if part(4) == "" {
		return date
	}
	hour, _ := strconv.Atoi(part(4))
	switch half := strings.ToLower(part(7)); {
	case half == "p" && hour < 12:
		hour += 12
	case half == "a" && hour == 12:
		hour = 0
	}
	full := fmt.Sprintf("%sT%02d:%s:%s", date, hour, part(5), part(6))
	if t, err := time.Parse(second, full); err != nil || t.After(now.Add(24*time.Hour)) {
		return date
	}
	return full
}
