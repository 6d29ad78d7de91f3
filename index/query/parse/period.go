package parse

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Period parses a date or period and returns its start (inclusive) and its end (exclusive). It accepts a day, a month, a year, today,
// yesterday, this or last week, month or year, "10 days ago", a range of these such as "2023-06..2023-08",
// and a moment such as "2023-07-14 18:30". Weeks start on Monday (ISO 8601).
func Period(text string, now time.Time) (from, to time.Time, err error) {
	text = strings.ToLower(strings.Join(strings.Fields(text), " "))
	if first, last, ok := strings.Cut(text, ".."); ok {
		if first != "" {
			if from, _, err = Period(first, now); err != nil {
				return from, to, err
			}
		}
		if last != "" {
			if _, to, err = Period(last, now); err != nil {
				return from, to, err
			}
		}
		switch {
		case first == "" && last == "":
			return from, to, fmt.Errorf("%q is not a period", text)
		case last == "":
			to = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
		case !to.After(from):
			return from, to, fmt.Errorf("%q ends before it begins", text)
		}
		return from, to, nil
	}
	for _, l := range []struct {
		layout              string
		years, months, days int
		moment              time.Duration
	}{
		{"2006", 1, 0, 0, 0}, {"2006-01", 0, 1, 0, 0}, {"2006-01-02", 0, 0, 1, 0},
		{"2006-01-02 15:04", 0, 0, 0, time.Minute}, {"2006-01-02t15:04", 0, 0, 0, time.Minute},
		{"2006-01-02 15:04:05", 0, 0, 0, time.Second}, {"2006-01-02t15:04:05", 0, 0, 0, time.Second},
	} {
		if t, err := time.Parse(l.layout, text); err == nil {
			return t, t.AddDate(l.years, l.months, l.days).Add(l.moment), nil
		}
	}
	// Dates of pictures are in local time without a zone, so now is used without its zone too.
	today := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, time.UTC)
	if from, to, ok := namedPeriod(text, today); ok {
		return from, to, nil
	}
	return from, to, fmt.Errorf("%q is not a date", text)
}

func namedPeriod(text string, today time.Time) (from, to time.Time, ok bool) {
	switch text {
	case "today":
		return today, today.AddDate(0, 0, 1), true
	case "yesterday":
		return today.AddDate(0, 0, -1), today, true
	}
	words := strings.Split(text, " ")
	if len(words) == 2 && (words[0] == "this" || words[0] == "last") {
		if from, to, ok = periodOf(words[1], today); ok && words[0] == "last" {
			from, to = before(words[1], from), from
		}
		return from, to, ok
	}
	if len(words) == 3 && words[2] == "ago" {
		n, err := strconv.Atoi(words[0])
		if err != nil || n < 0 || n > 100_000 {
			return from, to, false
		}
		unit := strings.TrimSuffix(words[1], "s")
		at, ok := back(unit, today, n)
		return at, at.AddDate(0, 0, 1), ok
	}
	return from, to, false
}

// periodOf returns the week, month or year that contains a day.
func periodOf(unit string, day time.Time) (from, to time.Time, ok bool) {
	switch unit {
	case "week":
		const daysAWeek = 7
		from = day.AddDate(0, 0, -(int(day.Weekday())+daysAWeek-1)%daysAWeek)
		return from, from.AddDate(0, 0, daysAWeek), true
	case "month":
		from = time.Date(day.Year(), day.Month(), 1, 0, 0, 0, 0, time.UTC)
		return from, from.AddDate(0, 1, 0), true
	case "year":
		from = time.Date(day.Year(), 1, 1, 0, 0, 0, 0, time.UTC)
		return from, from.AddDate(1, 0, 0), true
	}
	return from, to, false
}

// before returns the start of the period before the one that starts at from.
func before(unit string, from time.Time) time.Time {
	at, _ := back(unit, from, 1)
	return at
}

func back(unit string, day time.Time, n int) (time.Time, bool) {
	switch unit {
	case "day":
		return day.AddDate(0, 0, -n), true
	case "week":
		return day.AddDate(0, 0, -7*n), true
	case "month":
		return backMonths(day, n), true
	case "year":
		return backMonths(day, 12*n), true
	}
	return day, false
}

// backMonths returns the same day of an earlier month, or the last day of that month if it has no such day.
func backMonths(day time.Time, n int) time.Time {
	at := day.AddDate(0, -n, 0)
	if at.Day() != day.Day() {
		at = at.AddDate(0, 0, -at.Day())
	}
	return at
}
