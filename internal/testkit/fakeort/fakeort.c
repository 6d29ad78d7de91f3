// A library that wraps the real ONNX Runtime and fails on demand. It forwards every call. It accepts every provider: a session with
// one runs on the processor, and this library watches it.
//
// FAKEORT_REAL  the path of the real library
// FAKEORT       what fails: a list "POINT:HOW POINT:HOW ..." of
//   POINT  load (when the library is loaded), append, session, run1, run2, ... (the Nth run on a provider in this process)
//   HOW    abort, segv, ill, kill (SIGKILL), hang, error, metal (prints the message of Metal's compiler and aborts), missing (the
//          error of a build without the provider), nan, wrong (the result, for run)
//          A prefix limits a point to the main process or to child processes: "main/run1:abort", "child/session:hang".
// FAKEORT_SLOWCPU  extra milliseconds for each run on the processor
#define _GNU_SOURCE
#include <dlfcn.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "onnxruntime_c_api.h"

static const OrtApi *real;
static OrtApi fake;
static OrtApiBase base;
static const OrtApiBase *real_base;

// The session options and sessions that have a provider.
enum { most = 256 };
static const void *marked[most];
static int marks;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static atomic_int runs, initialising;

static void mark(const void *p) {
	pthread_mutex_lock(&lock);
	marked[marks++ % most] = p;
	pthread_mutex_unlock(&lock);
}

static void unmark(const void *p) {
	pthread_mutex_lock(&lock);
	for (int i = 0; i < most; i++)
		if (marked[i] == p) marked[i] = 0;
	pthread_mutex_unlock(&lock);
}

static int is_marked(const void *p) {
	int found = 0;
	pthread_mutex_lock(&lock);
	for (int i = 0; i < most; i++) found |= p && marked[i] == p;
	pthread_mutex_unlock(&lock);
	return found;
}

static int is_child(void) {
	char args[256] = {0};
	FILE *f = fopen("/proc/self/cmdline", "r");
	if (!f) return 0;
	size_t n = fread(args, 1, sizeof args - 1, f);
	fclose(f);
	for (size_t i = 0; i < n; i++)
		if (!args[i]) args[i] = ' ';
	return strstr(args, "probe-provider") != 0;
}

// how returns what should happen at a point; "" is nothing.
static const char *how(const char *point) {
	static _Thread_local char value[64];
	const char *list = getenv("FAKEORT");
	if (!list) return "";
	char copy[512];
	snprintf(copy, sizeof copy, "%s", list);
	char *rest;
	for (char *item = strtok_r(copy, " ", &rest); item; item = strtok_r(0, " ", &rest)) {
		char *where = item;
		if (!strncmp(item, "main/", 5)) {
			if (is_child()) continue;
			where += 5;
		} else if (!strncmp(item, "child/", 6)) {
			if (!is_child()) continue;
			where += 6;
		}
		char *colon = strchr(where, ':');
		if (!colon) continue;
		*colon = 0;
		if (!strcmp(where, point)) {
			snprintf(value, sizeof value, "%s", colon + 1);
			return value;
		}
	}
	return "";
}

// happen crashes or hangs the process, or returns an error; 0 if nothing happens.
static OrtStatusPtr happen(const char *what) {
	if (!strcmp(what, "abort")) abort();
	if (!strcmp(what, "segv")) {
		char *volatile nowhere = (char *)16;
		*nowhere = 1;
	}
	if (!strcmp(what, "ill")) __builtin_trap();
	if (!strcmp(what, "kill")) kill(getpid(), SIGKILL);
	if (!strcmp(what, "hang")) for (;;) pause();
	if (!strcmp(what, "metal")) {
		fprintf(stderr, "failed assertion: Unable to reach MTLCompilerService. The process is unavailable because the compiler is no longer active.\n");
		abort();
	}
	if (!strcmp(what, "error")) return real->CreateStatus(ORT_EP_FAIL, "the device was removed");
	if (!strcmp(what, "missing")) return real->CreateStatus(ORT_FAIL, "the execution provider is not supported in this build.");
	return 0;
}

static OrtStatusPtr ORT_API_CALL append(OrtSessionOptions *options, const char *name, const char *const *keys, const char *const *values, size_t n) {
	if (getenv("FAKEORT_OPTIONS"))
		for (size_t i = 0; i < n; i++) fprintf(stderr, "%s %s=%s\n", name, keys[i], values[i]);
	OrtStatusPtr status = happen(how("append"));
	if (!status) mark(options);
	return status;
}

static void ORT_API_CALL release_options(OrtSessionOptions *options) {
	unmark(options);
	real->ReleaseSessionOptions(options);
}

static OrtStatusPtr ORT_API_CALL create_session(const OrtEnv *env, const void *data, size_t n, const OrtSessionOptions *options, OrtSession **out) {
	int provided = is_marked(options);
	if (provided) {
		if (atomic_fetch_add(&initialising, 1) > 0) {
			fprintf(stderr, "two threads initialise a provider at once\n");
			abort();
		}
		usleep(20000);
		OrtStatusPtr status = happen(how("session"));
		atomic_fetch_sub(&initialising, 1);
		if (status) return status;
	}
	OrtStatusPtr status = real->CreateSessionFromArray(env, data, n, options, out);
	if (!status && provided) mark(*out);
	return status;
}

static void ORT_API_CALL release_session(OrtSession *session) {
	unmark(session);
	real->ReleaseSession(session);
}

static OrtStatusPtr ORT_API_CALL run(OrtSession *session, const OrtRunOptions *options, const char *const *in_names, const OrtValue *const *in, size_t n_in,
	const char *const *out_names, size_t n_out, OrtValue **out) {
	if (!is_marked(session)) {
		const char *ms = getenv("FAKEORT_SLOWCPU");
		if (ms) usleep(1000 * atoi(ms));
		return real->Run(session, options, in_names, in, n_in, out_names, n_out, out);
	}
	char point[32];
	snprintf(point, sizeof point, "run%d", atomic_fetch_add(&runs, 1) + 1);
	const char *what = how(point);
	OrtStatusPtr status = happen(what);
	if (!status) status = real->Run(session, options, in_names, in, n_in, out_names, n_out, out);
	if (status || (strcmp(what, "nan") && strcmp(what, "wrong"))) return status;
	OrtTensorTypeAndShapeInfo *info;
	size_t n;
	float *values;
	if ((status = real->GetTensorTypeAndShape(out[0], &info))) return status;
	status = real->GetTensorShapeElementCount(info, &n);
	real->ReleaseTensorTypeAndShapeInfo(info);
	if (status || (status = real->GetTensorMutableData(out[0], (void **)&values))) return status;
	for (size_t i = 0; i < n; i++) values[i] = strcmp(what, "nan") ? values[i] + (i % 2 ? 9.0f : -9.0f) : NAN;
	return 0;
}

static const OrtApi *ORT_API_CALL get_api(uint32_t version) {
	real = real_base->GetApi(version);
	if (!real) return 0;
	memcpy(&fake, real, sizeof fake);
	fake.SessionOptionsAppendExecutionProvider = append;
	fake.ReleaseSessionOptions = release_options;
	fake.CreateSessionFromArray = create_session;
	fake.ReleaseSession = release_session;
	fake.Run = run;
	return &fake;
}

static const char *ORT_API_CALL get_version(void) { return real_base->GetVersionString(); }

const OrtApiBase *ORT_API_CALL OrtGetApiBase(void) {
	happen(how("load"));
	void *handle = dlopen(getenv("FAKEORT_REAL"), RTLD_NOW);
	if (!handle) {
		fprintf(stderr, "fakeort: %s\n", dlerror());
		return 0;
	}
	real_base = ((const OrtApiBase *(*)(void))dlsym(handle, "OrtGetApiBase"))();
	base.GetApi = get_api;
	base.GetVersionString = get_version;
	return &base;
}
