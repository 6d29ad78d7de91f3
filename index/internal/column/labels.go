package column

import (
	"encoding/json"
	"fmt"

	"github.com/imgsearch/imgsearch/index/store"
)

// LabelsKey is the key of Labels among the settings of an index.
const LabelsKey = "labels"

// Labels says which vectors were compared with the labels; the zero value means that there are no labels.
type Labels struct {
	Model    string  `json:"model"`
	Language string  `json:"language,omitempty"`
	Least    float64 `json:"least"`
	// Seq is the number of the last vector that was compared.
	Seq int64 `json:"seq"`
}

// ParseLabels reads what Text returns.
func ParseLabels(text string) (l Labels, err error) {
	if text == "" {
		return l, nil
	}
	if err := json.Unmarshal([]byte(text), &l); err != nil {
		return l, fmt.Errorf("%w: the state of the labels: %w", store.ErrDamaged, err)
	}
	return l, nil
}

// Text returns the value that is stored.
func (l Labels) Text() string {
	data, err := json.Marshal(l)
	if err != nil {
		panic(err) // texts and finite numbers
	}
	return string(data)
}
