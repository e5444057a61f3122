// Kills the program at one of the calls with which it changes a file of its state store. A call is a write, or a step: all that is
// not a write (opening, syncing, cutting, renaming, removing). KILL_AT=S.W names it: the Wth write after S steps, or, with W = 0,
// the step that follows S steps; so the name holds where a commit touches a page more or less than the last time. It dies in front
// of the call, or behind it with KILL_AFTER=1. With KILL_TORN=1 a write gets only the first half of its bytes to the disk. Without
// KILL_AT nothing happens; with KILL_LOG=PATH the calls are listed in that file, a byte each: `w`, or the letter of a step.

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static atomic_long steps, writes;

static int is_store(const char *path) { return path && strstr(path, ".db") != NULL; }

static int is_store_file(int fd) {
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 0)
        return 0;
    path[length] = 0;
    return is_store(path);
}

static int is_set(const char *name) {
    const char *value = getenv(name);
    return value && *value && strcmp(value, "0") != 0;
}

static void die(void) {
    kill(getpid(), SIGKILL);
    for (;;)
        pause();
}

// Counts a call; whether it is the one at which the program dies.
static int counted(const char *what) {
    long step, nth = 0;
    if (*what == 'w') {
        step = atomic_load(&steps);
        nth = atomic_fetch_add(&writes, 1) + 1;
    } else {
        step = atomic_fetch_add(&steps, 1);
        atomic_store(&writes, 0);
    }
    const char *log = getenv("KILL_LOG");
    if (log && *log) {
        int fd = open(log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
        if (fd >= 0) {
            if (write(fd, what, 1) < 0)
                die();
            close(fd);
        }
    }
    const char *at = getenv("KILL_AT");
    const char *dot = at ? strchr(at, '.') : NULL;
    return dot && atol(at) == step && atol(dot + 1) == nth;
}

#define REAL(type, name, ...)                             \
    static type (*real)(__VA_ARGS__);                     \
    if (!real)                                            \
        real = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

// A call that changes the store: dies before it, or makes it and dies after it, if it is its turn.
#define CALL(what, result, call)         \
    int last = counted(what);            \
    if (last && !is_set("KILL_AFTER"))   \
        die();                           \
    result = call;                       \
    if (last)                            \
        die();

static ssize_t write_at(ssize_t (*real)(int, const void *, size_t, off64_t), int fd, const void *bytes, size_t count,
                        off64_t offset) {
    ssize_t written;
    if (!is_store_file(fd))
        return real(fd, bytes, count, offset);
    int last = counted("w");
    if (last && is_set("KILL_TORN")) {
        real(fd, bytes, count / 2, offset);
        die();
    }
    if (last && !is_set("KILL_AFTER"))
        die();
    written = real(fd, bytes, count, offset);
    if (last)
        die();
    return written;
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t offset) {
    REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t);
    return write_at(real, fd, bytes, count, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t offset) {
    REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t);
    return write_at(real, fd, bytes, count, offset);
}

int ftruncate(int fd, off_t length) {
    REAL(int, "ftruncate64", int, off64_t);
    int result;
    if (!is_store_file(fd))
        return real(fd, length);
    CALL("t", result, real(fd, length));
    return result;
}

int ftruncate64(int fd, off64_t length) {
    REAL(int, "ftruncate64", int, off64_t);
    int result;
    if (!is_store_file(fd))
        return real(fd, length);
    CALL("t", result, real(fd, length));
    return result;
}

int fsync(int fd) {
    REAL(int, "fsync", int);
    int result;
    if (!is_store_file(fd))
        return real(fd);
    CALL("s", result, real(fd));
    return result;
}

int fdatasync(int fd) {
    REAL(int, "fdatasync", int);
    int result;
    if (!is_store_file(fd))
        return real(fd);
    CALL("s", result, real(fd));
    return result;
}

int unlink(const char *path) {
    REAL(int, "unlink", const char *);
    int result;
    if (!is_store(path))
        return real(path);
    CALL("u", result, real(path));
    return result;
}

int rename(const char *from, const char *to) {
    REAL(int, "rename", const char *, const char *);
    int result;
    if (!is_store(from) && !is_store(to))
        return real(from, to);
    CALL("r", result, real(from, to));
    return result;
}

static int opened(int (*real)(const char *, int, ...), const char *path, int flags, mode_t mode) {
    int result;
    if (!is_store(path) || !(flags & O_CREAT) || access(path, F_OK) == 0)
        return real(path, flags, mode);
    CALL("o", result, real(path, flags, mode));
    return result;
}

int open64(const char *path, int flags, ...) {
    REAL(int, "open64", const char *, int, ...);
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = flags & O_CREAT ? (mode_t)va_arg(arguments, int) : 0;
    va_end(arguments);
    return opened(real, path, flags, mode);
}

int open(const char *path, int flags, ...) {
    REAL(int, "open64", const char *, int, ...);
    va_list arguments;
    va_start(arguments, flags);
    mode_t mode = flags & O_CREAT ? (mode_t)va_arg(arguments, int) : 0;
    va_end(arguments);
    return opened(real, path, flags, mode);
}
