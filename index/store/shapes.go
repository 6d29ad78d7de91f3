package store

import (
	"math"
	"strconv"
)

// Shapes are the shapes of pictures in the order of a list by date, newest first: what is needed to lay out all of them before any is read.
type Shapes struct {
	// Ratios are the widths divided by the heights, in thousandths (RatioOf).
	Ratios []uint16
	// Months are where months begin, in order.
	Months []MonthStart
}

// MonthStart is where a month begins in a list by date, newest first.
type MonthStart struct {
	// Year and Month are 0 if the date is unknown. Month is also 0 if only the year is known.
	Year, Month int
	// First is the number of the first picture.
	First int
}

// RatioOf returns width divided by height in thousandths, at least 1; 1000 if a side is unknown.
func RatioOf(width, height int) uint16 {
	if width < 1 || height < 1 {
		return 1000
	}
	return uint16(min(max(math.Round(1000*float64(width)/float64(height)), 1), math.MaxUint16))
}

// YearMonth returns the year and the month of a time as MonthStart has them.
func YearMonth(taken string) (year, month int) {
	if len(taken) < len("2006") {
		return 0, 0
	}
	year, err := strconv.Atoi(taken[:4])
	if err != nil || year < 1 {
		return 0, 0
	}
	if len(taken) >= len("2006-01") {
		if month, err = strconv.Atoi(taken[5:7]); err != nil || month < 1 || month > 12 {
			month = 0
		}
	}
	return year, month
}
