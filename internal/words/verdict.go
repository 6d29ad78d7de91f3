package words

import (
	"fmt"

	"github.com/imgsearch/imgsearch/index/query"
	"github.com/imgsearch/imgsearch/index/store"
)

// Verdict says whether the hits fit the query; "" if there is nothing to say: they do, or nobody can tell. title is the query, and first whether the best hits
// are among them.
func Verdict(r *query.Response, title string, first bool) string {
	if len(r.Hits) == 0 {
		return ""
	}
	switch r.Verdict {
	case store.Nothing:
		closest := ""
		if first {
			closest = "; these are the closest"
		}
		return fmt.Sprintf("nothing looks like %s (best %.2f)%s", Path(title), r.Best, closest)
	case store.Uncertain:
		return fmt.Sprintf("these hits may not match %s (best %.2f)", Path(title), r.Best)
	case store.Found:
	}
	return ""
}
