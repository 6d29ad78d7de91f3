//go:build linux || darwin

#include "libheif.h"

#include <dlfcn.h>
#include <stdio.h>

// The part of libheif's stable interface (libheif/heif.h, since 1.1) that is used.
struct heif_error {
	int code, subcode;
	const char *message;
};
enum { COLORSPACE_RGB = 1, CHROMA_RGB = 10, CHROMA_RGBA = 11, CHANNEL_INTERLEAVED = 10 };

static struct {
	void *(*context_alloc)(void);
	void (*context_free)(void *);
	struct heif_error (*read)(void *, const void *, size_t, const void *);
	struct heif_error (*primary)(void *, void **);
	int (*width)(const void *);
	int (*height)(const void *);
	int (*has_alpha)(const void *);
	void (*handle_release)(const void *);
	struct heif_error (*decode)(const void *, void **, int, int, const void *);
	int (*image_width)(const void *, int);
	int (*image_height)(const void *, int);
	const uint8_t *(*plane)(const void *, int, int *);
	void (*image_release)(const void *);
	void (*set_threads)(void *, int); // since 1.13; may be missing
	const char *(*version)(void);
} heif;

static int load(void *lib, const char *name, void *into) {
	void *f = dlsym(lib, name);
	*(void **)into = f;
	return f != NULL;
}

int imgsearch_heif_open(const char *name) {
	void *lib = dlopen(name, RTLD_NOW | RTLD_LOCAL);
	if (lib == NULL)
		return 0;
	load(lib, "heif_context_set_max_decoding_threads", &heif.set_threads);
	return load(lib, "heif_context_alloc", &heif.context_alloc) &&
	       load(lib, "heif_context_free", &heif.context_free) &&
	       load(lib, "heif_context_read_from_memory_without_copy", &heif.read) &&
	       load(lib, "heif_context_get_primary_image_handle", &heif.primary) &&
	       load(lib, "heif_image_handle_get_width", &heif.width) &&
	       load(lib, "heif_image_handle_get_height", &heif.height) &&
	       load(lib, "heif_image_handle_has_alpha_channel", &heif.has_alpha) &&
	       load(lib, "heif_image_handle_release", &heif.handle_release) &&
	       load(lib, "heif_decode_image", &heif.decode) &&
	       load(lib, "heif_image_get_width", &heif.image_width) &&
	       load(lib, "heif_image_get_height", &heif.image_height) &&
	       load(lib, "heif_image_get_plane_readonly", &heif.plane) &&
	       load(lib, "heif_image_release", &heif.image_release) &&
	       load(lib, "heif_get_version", &heif.version);
}

static int failed(struct imgsearch_heif *out, struct heif_error e) {
	snprintf(out->error, sizeof out->error, "%s", e.message ? e.message : "unknown error");
	return 0;
}

static int decode(void *ctx, const void *data, size_t size, struct imgsearch_heif *out) {
	struct heif_error e = heif.read(ctx, data, size, NULL);
	if (e.code != 0)
		return failed(out, e);
	void *handle = NULL;
	e = heif.primary(ctx, &handle);
	if (e.code != 0)
		return failed(out, e);
	out->alpha = heif.has_alpha(handle);
	e = heif.decode(handle, &out->image, COLORSPACE_RGB, out->alpha ? CHROMA_RGBA : CHROMA_RGB, NULL);
	heif.handle_release(handle);
	if (e.code != 0)
		return failed(out, e);
	out->width = heif.image_width(out->image, CHANNEL_INTERLEAVED);
	out->height = heif.image_height(out->image, CHANNEL_INTERLEAVED);
	out->pixels = heif.plane(out->image, CHANNEL_INTERLEAVED, &out->stride);
	return 1;
}

int imgsearch_heif_decode(const void *data, size_t size, struct imgsearch_heif *out) {
	void *ctx = heif.context_alloc();
	if (ctx == NULL)
		return failed(out, (struct heif_error){.message = "out of memory"});
	// Several pictures are already decoded in parallel.
	if (heif.set_threads != NULL)
		heif.set_threads(ctx, 1);
	int ok = decode(ctx, data, size, out);
	heif.context_free(ctx);
	return ok;
}

void imgsearch_heif_release(void *image) { heif.image_release(image); }

const char *imgsearch_heif_version(void) { return heif.version(); }
