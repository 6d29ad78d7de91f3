package index

import (
	"testing"
	"time"
)

// TestDateInName reads names as phones, messengers and systems write them, and nothing into other numbers.
func TestDateInName(t *testing.T) {
	now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	for name, want := range map[string]string{
		"IMG_20230102_030405.jpg":                         "2023-01-02T03:04:05",
		"IMG_20230102_030405123.jpg":                      "2023-01-02T03:04:05",
		"IMG_20230102_030405_HDR.jpg":                     "2023-01-02T03:04:05",
		"IMG_20230102_030405_1.jpg":                       "2023-01-02T03:04:05",
		"PXL_20230102_030405678.jpg":                      "2023-01-02T03:04:05Z",
		"PXL_20230102_030405678.MP.jpg":                   "2023-01-02T03:04:05Z",
		"MVIMG_20230102_030405.jpg":                       "2023-01-02T03:04:05",
		"PANO_20230102_030405.jpg":                        "2023-01-02T03:04:05",
		"00100dPORTRAIT_00100_BURST20230102030405123.jpg": "2023-01-02T03:04:05",
		"20230102_030405.jpg":                             "2023-01-02T03:04:05",
		"20230102030405.jpg":                              "2023-01-02T03:04:05",
		"Screenshot_20230102-030405.png":                  "2023-01-02T03:04:05",
		"Screenshot_20230102-030405_Chrome.jpg":           "2023-01-02T03:04:05",
		"Screenshot_2023-01-02-03-04-05-678_com.app.jpg":  "2023-01-02T03:04:05",
		"Screenshot 2023-01-02 at 03.04.05.png":           "2023-01-02T03:04:05",
		"Screenshot 2023-01-02 at 3.04.05\u202fPM.png":    "2023-01-02T15:04:05",
		"Screenshot 2023-01-02 at 12.04.05 AM (2).png":    "2023-01-02T00:04:05",
		"Screenshot from 2023-01-02 03-04-05.png":         "2023-01-02T03:04:05",
		"Bildschirmfoto 2023-01-02 um 03.04.05.png":       "2023-01-02T03:04:05",
		"Capture d’écran 2023-01-02 à 03.04.05.png":       "2023-01-02T03:04:05",
		"WhatsApp Image 2023-01-02 at 03.04.05.jpeg":      "2023-01-02T03:04:05",
		"IMG-20230102-WA0003.jpg":                         "2023-01-02",
		"signal-2023-01-02-030405.jpg":                    "2023-01-02T03:04:05",
		"signal-2023-01-02-03-04-05-678.jpg":              "2023-01-02T03:04:05",
		"photo_2023-01-02_03-04-05.jpg":                   "2023-01-02T03:04:05",
		"2023-01-02 03.04.05.jpg":                         "2023-01-02T03:04:05",
		"2023-01-02_03-04-05 beach.jpg":                   "2023-01-02T03:04:05",
		"WP_20230102_03_04_05_Pro.jpg":                    "2023-01-02T03:04:05",
		"2023-01-02-1234567.jpg":                          "2023-01-02",
		"2023-01-02.jpg":                                  "2023-01-02",
		"birthday 2023.01.02.jpg":                         "2023-01-02",
		"IMG_20230102_990405.jpg":                         "2023-01-02",
		"copy of 12345678 IMG_20230102_030405.jpg":        "2023-01-02T03:04:05",

		"IMG_1234.jpg": "", "DSC01234.JPG": "", "P1010123.jpg": "", "20231332_030405.jpg": "", "IMG_20230230.jpg": "", "19700101.jpg": "",
		"99990101.jpg": "", "20270101_000000.jpg": "", "1202301023.jpg": "", "2023.jpg": "", "2023-01.jpg": "", "a.20230102": "", "": "",
		"1672628645123.jpg": "", "FB_IMG_1672628645123.jpg": "", "3840x2160.png": "", "v2023-1-2.jpg": "",
	} {
		if got := dateInName(name, now); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func FuzzDateInName(f *testing.F) {
	f.Add("IMG_20230102_030405.jpg")
	f.Add("Screenshot 2023-01-02 at 3.04.05 PM.png")
	now := time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, name string) {
		date := dateInName(name, now)
		for _, form := range []string{"", "2006-01-02", "2006-01-02T15:04:05", "2006-01-02T15:04:05Z"} {
			if len(date) == len(form) {
				if _, err := time.Parse(form, date); date != "" && err != nil {
					t.Fatalf("%q: %q: %v", name, date, err)
				}
				return
			}
		}
		t.Fatalf("%q: %q", name, date)
	})
}
