// Command costs computes what an index in PostgreSQL needs for many pictures, from measured figures: docs/scale.md.
//
//	go run ./scripts/bench/costs
package main

import (
	"fmt"
	"math"
	"strings"
)

// The measured figures are from scripts/bench/scale with 1,000,000 pictures of 256 dimensions (docs/benchmarks.md#postgresql), and from the sizes that
// pg_table_size and pg_indexes_size report there.
const (
	// pictureBytes are a picture's and its file's rows, with their indexes: 157 + 226 + 195 + 93 MB for a million.
	pictureBytes = 671
	// vectorKeys are the entries of a vector in the indexes on its key and its order.
	vectorKeys = 71
	// buildMS is the processor time for adding a vector of 256 dimensions to an index of 125,000 (8 partitions of a million).
	buildMS, builtDim, builtPart = 0.66, 256, 125_000
	// searchMS is the processor time of a search in eight such indexes.
	searchMS = 19
	// exactUS is the processor time for comparing a vector of 256 dimensions that is in memory, read in order.
	exactUS = 0.6
	// previewBytes is the mean size of the previews of twenty photos of 12 megapixels.
	previewBytes = 40_200
)

// Constants of the code: index/postgres/models.go and ann.go.
const (
	partitions  = 8
	connections = 24
)

const (
	page       = 8192
	pageHeader = 24
	itemID     = 4
)

// heapBytes returns the size of a vector's row, with its share of the page: a header of 24 bytes, the key, the order, and 8 + 2 bytes for each dimension,
// aligned to 8 bytes.
func heapBytes(dim int) float64 {
	row := 24 + 32 + 8 + 2*dim
	row = (row + 7) / 8 * 8
	return float64(page) / math.Floor(float64(page-pageHeader)/float64(row+itemID))
}

// graphBytes returns the size of a vector in an HNSW index: the vector, two lists of neighbours of 6 bytes each, and headers. 902 bytes were measured for 256
// dimensions.
func graphBytes(dim int) float64 { return float64(2*dim + 2*connections*6 + 102) }

// cost is what an index needs.
type cost struct {
	heap, graph, rest, previews float64 // bytes
	build, search, exact        float64 // seconds of one processor
	memory                      float64 // bytes that searches need in memory
	part                        float64 // bytes of one partition's index, which its build should have
}

func costOf(n, dim int) (c cost) {
	pictures := float64(n)
	c.heap, c.graph, c.rest = pictures*(heapBytes(dim)+vectorKeys), pictures*graphBytes(dim), pictures*pictureBytes
	c.previews = pictures * previewBytes
	// A graph is searched, and extended, in a time that grows with the logarithm of its size (Malkov and Yashunin 2016, section 4.2), and with the dimension.
	growth := math.Log(pictures/partitions) / math.Log(builtPart) * float64(dim) / builtDim
	c.build, c.search = pictures*buildMS/1e3*growth, searchMS/1e3*growth
	c.exact = pictures * exactUS / 1e6 * float64(dim) / builtDim
	c.memory, c.part = c.graph+c.heap, c.graph/partitions
	return c
}

func gb(bytes float64) string { return fmt.Sprintf("%.1f GB", bytes/1e9) }

func main() {
	fmt.Println("| pictures, dimensions | rows | vectors | approximate index | with previews | build, one core | build, 16 cores | a part's build memory | memory for searches | search | exact |")
	fmt.Println("|" + strings.Repeat("---|", 11))
	for _, n := range []int{1_000_000, 10_000_000, 100_000_000} {
		for _, dim := range []int{256, 512, 768} {
			c := costOf(n, dim)
			fmt.Printf("| %d million, %d | %s | %s | %s | +%s | %.1f h | %.1f h | %s | %s | %.0f ms | %.1f s |\n",
				n/1_000_000, dim, gb(c.rest), gb(c.heap), gb(c.graph), gb(c.previews), c.build/3600, c.build/3600/16, gb(c.part), gb(c.memory), 1000*c.search, c.exact)
		}
	}
}
