// To be loaded before the C library (LD_PRELOAD), so that a whole program meets what a test cannot ask the system for.
//
//   INTERPOSE_LOOK_UPS=hang    getaddrinfo() says so on stderr and never returns
//   INTERPOSE_THREADS_MAX=N    pthread_create() fails with EAGAIN after N threads
//   INTERPOSE_DESCRIPTORS=N    the limit on file descriptors is N, and cannot be changed
//   INTERPOSE_SEND=FIFO        a send() with "hold!" in its bytes waits until somebody opens the FIFO to write
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <fcntl.h>
#include <netdb.h>
#include <pthread.h>
#include <string_view>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

template <class Function>
Function* next(const char* name) {
    return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

} // namespace

extern "C" int getaddrinfo(const char* host, const char* service, const addrinfo* hints, addrinfo** found) {
    const char* const how = std::getenv("INTERPOSE_LOOK_UPS");
    if (how != nullptr && std::strcmp(how, "hang") == 0) {
        std::fputs("getaddrinfo hangs\n", stderr);
        for (;;) ::pause();
    }
    return next<decltype(getaddrinfo)>("getaddrinfo")(host, service, hints, found);
}

extern "C" int pthread_create(pthread_t* made, const pthread_attr_t* attributes, void* (*run)(void*), void* argument) {
    static std::atomic<int> threads = 0;
    const char* const limit = std::getenv("INTERPOSE_THREADS_MAX");
    if (limit != nullptr && threads++ >= std::atoi(limit)) return EAGAIN;
    return next<decltype(pthread_create)>("pthread_create")(made, attributes, run, argument);
}

extern "C" int getrlimit(__rlimit_resource_t which, rlimit* found) noexcept {
    const char* const descriptors = std::getenv("INTERPOSE_DESCRIPTORS");
    if (descriptors == nullptr || which != RLIMIT_NOFILE)
        return next<int(__rlimit_resource_t, rlimit*)>("getrlimit")(which, found);
    found->rlim_cur = found->rlim_max = std::strtoull(descriptors, nullptr, 10);
    return 0;
}

extern "C" ssize_t send(int descriptor, const void* bytes, size_t count, int flags) {
    const char* const fifo = std::getenv("INTERPOSE_SEND");
    const std::string_view text{static_cast<const char*>(bytes), count};
    if (fifo != nullptr && text.find("hold!") != text.npos) ::close(::open(fifo, O_RDONLY | O_CLOEXEC));
    return next<ssize_t(int, const void*, size_t, int)>("send")(descriptor, bytes, count, flags);
}
