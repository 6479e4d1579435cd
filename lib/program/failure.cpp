#include "program/failure.hpp"

#include <boost/system/system_error.hpp>

#include <cerrno>
#include <new>
#include <string_view>
#include <system_error>

namespace carillon::program {

namespace {

// What to do about what the system said; empty where only the one who runs it can know.
std::string_view cure_of(int number) {
    switch (number) {
    case EADDRINUSE: return "another program, or another one of this, has the address: end it, or give another address";
    case EADDRNOTAVAIL: return "no interface of this machine has that address; ip address shows those that there are";
    case EACCES:
    case EPERM:
        return "ports below net.ipv4.ip_unprivileged_port_start (1024) need CAP_NET_BIND_SERVICE: give another port";
    case EAFNOSUPPORT: return "the machine has no such kind of address; give one of the other kind";
    case EMFILE:
        return "raise the limit on file descriptors: ulimit -n, LimitNOFILE= of systemd, --ulimit nofile= of docker";
    case ENFILE: return "the machine has no descriptors left: raise fs.file-max";
    case EAGAIN:
        return "raise the limit on threads, or give fewer shards: ulimit -u, TasksMax= of systemd, --pids-limit of "
               "docker";
    case ENOMEM:
    case ENOBUFS: return "give the process more memory, or lower connections-max, work-pool or read-buffer-bytes";
    default: return {};
    }
}

std::string with_cure(std::string what, int number) {
    if (const std::string_view cure = cure_of(number); !cure.empty()) what.append("; ").append(cure);
    return what;
}

} // namespace

std::string in_words(const std::exception& why) {
    if (const auto* failure = dynamic_cast<const boost::system::system_error*>(&why)) {
        const boost::system::error_code code = failure->code();
        std::string what = failure->what();
        // "cannot listen on ...: " and then the code's own words with the place where it was made.
        const std::string end = code.what();
        if (what.ends_with(end)) what.replace(what.size() - end.size(), end.size(), code.message());
        return code.category() == boost::system::system_category() ? with_cure(std::move(what), code.value()) : what;
    }
    if (const auto* failure = dynamic_cast<const std::system_error*>(&why))
        return with_cure(failure->what(), failure->code().value());
    if (dynamic_cast<const std::bad_alloc*>(&why) != nullptr)
        return with_cure("not enough memory, or too low a limit on addresses (ulimit -v, LimitAS= of systemd)", ENOMEM);
    return why.what();
}

} // namespace carillon::program
