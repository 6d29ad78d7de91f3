#include <stddef.h>
#include <stdint.h>

// A decoded picture: rows of 8-bit RGB, or RGBA if it has transparency. The rows are owned by image.
struct imgsearch_heif {
	void *image;
	const uint8_t *pixels;
	int width, height, stride, alpha;
	char error[200];
};

// imgsearch_heif_open opens libheif by its file name, once. It returns 0 if the library is missing or lacks a function.
int imgsearch_heif_open(const char *name);
// imgsearch_heif_decode decodes the picture of a file. On failure it returns 0 and sets the error.
int imgsearch_heif_decode(const void *data, size_t size, struct imgsearch_heif *out);
void imgsearch_heif_release(void *image);
const char *imgsearch_heif_version(void);
