//go:build unix

#define _GNU_SOURCE
#ifdef __APPLE__
#define _XOPEN_SOURCE 700
#define _DARWIN_C_SOURCE
#endif
#include "guard.h"

#include <dlfcn.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

// What the handler may use. It can run at any moment, so nothing here is allocated and everything is written before armed.
static const int fatal[] = {SIGABRT, SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP};
enum { fatals = sizeof fatal / sizeof fatal[0] };
static struct sigaction before[fatals];
static volatile sig_atomic_t armed;
static int installed, exit_code, trace_fd;
static char text[1536], rest[768];

static const char *signal_name(int sig) {
	switch (sig) {
	case SIGABRT: return "SIGABRT";
	case SIGSEGV: return "SIGSEGV";
	case SIGBUS: return "SIGBUS";
	case SIGILL: return "SIGILL";
	case SIGFPE: return "SIGFPE";
	case SIGTRAP: return "SIGTRAP";
	}
	return "a signal";
}

static void *program_counter(void *context) {
	ucontext_t *u = context;
#if defined(__linux__) && defined(__x86_64__)
	return (void *)u->uc_mcontext.gregs[REG_RIP];
#elif defined(__linux__) && defined(__aarch64__)
	return (void *)u->uc_mcontext.pc;
#elif defined(__APPLE__) && defined(__aarch64__)
	return (void *)__darwin_arm_thread_state64_get_pc(u->uc_mcontext->__ss);
#else
	(void)u;
	return 0;
#endif
}

// is_native reports whether a signal comes from code outside this program's own file. Go never calls abort. A signal from
// another process is not handled here. If the program counter cannot be read, the signal is left to Go.
static int is_native(int sig, siginfo_t *info, void *context) {
	if ((info->si_code == SI_USER || info->si_code == SI_QUEUE) && info->si_pid != getpid()) return 0;
	if (sig == SIGABRT) return 1;
	void *pc = program_counter(context);
	Dl_info own, at;
	if (!pc || !dladdr((void *)(uintptr_t)guard_arm, &own)) return 0;
	return !dladdr(pc, &at) || at.dli_fbase != own.dli_fbase;
}

static void say(int fd, const char *s) {
	size_t n = strlen(s);
	if (fd >= 0 && write(fd, s, n) < 0) return;
}

static void handle(int sig, siginfo_t *info, void *context) {
	if (armed && is_native(sig, info, context)) {
		say(trace_fd, "crashed ");
		say(trace_fd, signal_name(sig));
		say(trace_fd, "\n");
		say(2, text);
		say(2, signal_name(sig));
		say(2, rest);
		_exit(exit_code);
	}
	for (int i = 0; i < fatals; i++) {
		if (fatal[i] != sig) continue;
		if (before[i].sa_flags & SA_SIGINFO) {
			before[i].sa_sigaction(sig, info, context);
		} else if (before[i].sa_handler == SIG_DFL) {
			sigaction(sig, &before[i], 0);
			raise(sig);
		} else if (before[i].sa_handler != SIG_IGN) {
			before[i].sa_handler(sig);
		}
	}
}

void guard_arm(const char *message, const char *suffix, int code, int trace) {
	armed = 0;
	snprintf(text, sizeof text, "%s", message);
	snprintf(rest, sizeof rest, "%s", suffix);
	exit_code = code;
	trace_fd = trace;
	if (!installed) {
		// Go requires handlers of synchronous signals to use its alternate stack, and to forward Go's own signals to it.
		struct sigaction a;
		memset(&a, 0, sizeof a);
		a.sa_sigaction = handle;
		a.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART;
		sigfillset(&a.sa_mask);
		for (int i = 0; i < fatals; i++) sigaction(fatal[i], &a, &before[i]);
		installed = 1;
	}
	armed = 1;
}

void guard_disarm(void) { armed = 0; }
