// To be loaded before the C library (LD_PRELOAD), so that a whole program meets what a test cannot ask the system for.
//
//   INTERPOSE_LOOK_UPS=hang    getaddrinfo() says so on stderr and never returns
//   INTERPOSE_THREADS_MAX=N    pthread_create() fails with EAGAIN after N threads
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <netdb.h>
#include <pthread.h>
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
