#include "net/acceptor.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <fmt/format.h>

#include <cerrno>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace carillon::net {

namespace asio = boost::asio;
using boost::system::error_code;
using boost::system::system_error;

namespace {

constexpr mode_t not_for_others = 0117; // read and write for user and group: mode 0660

bool can_bind(const char* host) {
    asio::io_context context;
    asio::ip::tcp::acceptor trial{context};
    error_code why;
    const asio::ip::tcp::endpoint endpoint{asio::ip::make_address(host), 0};
    trial.open(endpoint.protocol(), why);
    if (!why) trial.bind(endpoint, why);
    return !why;
}

ino_t socket_file(const std::string& path) {
    struct stat file {};
    return ::lstat(path.c_str(), &file) == 0 && S_ISSOCK(file.st_mode) ? file.st_ino : 0;
}

// A socket's file outlives a process that was killed; then nobody answers.
bool is_left_over(const std::string& path) {
    if (socket_file(path) == 0) return false;
    asio::io_context context;
    asio::local::stream_protocol::socket trial{context};
    error_code why;
    trial.connect(asio::local::stream_protocol::endpoint{path}, why);
    return why == asio::error::connection_refused;
}

std::string text_of(const std::string& host, std::uint16_t port) {
    if (is_path(host)) return "unix:" + host;
    return host.find(':') == host.npos ? fmt::format("{}:{}", host, port) : fmt::format("[{}]:{}", host, port);
}

} // namespace

std::vector<std::string> hosts_of(const std::string& host) {
    if (host == "localhost") {
        if (can_bind("::1")) return {"127.0.0.1", "::1"};
        return {"127.0.0.1"};
    }
    if (host == "::" && !can_bind("::")) return {"0.0.0.0"};
    return {host};
}

acceptor::acceptor(asio::io_context& context, const std::string& host, std::uint16_t port, bool share_port)
    : socket_{context}, host_{host} {
    try {
        if (is_path(host)) {
            bind_path(host);
        } else {
            bind_tcp(host, port, share_port);
        }
        where_ = text_of(host, port_);
    } catch (const system_error& failure) {
        throw system_error{failure.code(), "cannot listen on " + text_of(host, port)};
    }
}

acceptor::acceptor(asio::io_context& context, const acceptor& other)
    : socket_{context}, host_{other.host_}, path_{other.path_}, where_{other.where_}, port_{other.port_} {
    auto& original = const_cast<acceptor&>(other).socket_;
    const int copy = ::fcntl(original.native_handle(), F_DUPFD_CLOEXEC, 0);
    if (copy < 0) throw system_error{errno, boost::system::system_category(), "cannot listen on " + where_};
    socket_.assign(original.local_endpoint().protocol(), copy);
}

acceptor::acceptor(asio::io_context& context, int descriptor, const std::string& host) : socket_{context}, host_{host} {
    sockaddr_storage bound{};
    socklen_t size = sizeof bound;
    error_code why;
    if (::getsockname(descriptor, reinterpret_cast<sockaddr*>(&bound), &size) != 0) {
        why = error_code{errno, boost::system::system_category()};
    } else {
        socket_.assign({bound.ss_family, 0}, descriptor, why);
    }
    if (why) {
        ::close(descriptor);
        throw system_error{why, "cannot listen on " + text_of(host, 0)};
    }
    if (bound.ss_family == AF_INET) port_ = ntohs(reinterpret_cast<const sockaddr_in&>(bound).sin_port);
    if (bound.ss_family == AF_INET6) port_ = ntohs(reinterpret_cast<const sockaddr_in6&>(bound).sin6_port);
    if (bound.ss_family == AF_UNIX) path_ = host;
    where_ = text_of(host, port_);
}

void acceptor::take_file() noexcept {
    if (!path_.empty()) file_ = socket_file(path_);
}

acceptor::acceptor(acceptor&& other) noexcept
    : socket_{std::move(other.socket_)}, host_{std::move(other.host_)}, path_{std::move(other.path_)},
      where_{std::move(other.where_)}, port_{other.port_}, file_{std::exchange(other.file_, 0)} {}

acceptor::~acceptor() { close(); }

void acceptor::bind_tcp(const std::string& host, std::uint16_t port, bool share_port) {
    const asio::ip::tcp::endpoint endpoint{asio::ip::make_address(host), port};
    socket_.open(endpoint.protocol());
    socket_.set_option(asio::socket_base::reuse_address{true});
    socket_.set_option(asio::ip::tcp::no_delay{true}); // accepted sockets inherit it, which saves a call each
    if (host == "::") socket_.set_option(asio::ip::v6_only{false});
    const int on = 1;
    if (share_port && ::setsockopt(socket_.native_handle(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0)
        throw system_error{errno, boost::system::system_category(), "SO_REUSEPORT"};
    socket_.bind(endpoint);
    asio::ip::tcp::endpoint bound;
    socklen_t size = static_cast<socklen_t>(bound.capacity());
    if (::getsockname(socket_.native_handle(), bound.data(), &size) != 0)
        throw system_error{errno, boost::system::system_category(), "getsockname"};
    bound.resize(size);
    port_ = bound.port();
}

void acceptor::bind_path(const std::string& path) {
    path_ = path;
    const asio::local::stream_protocol::endpoint endpoint{path};
    socket_.open(endpoint.protocol());
    error_code why;
    const auto bind = [&] {
        const mode_t before = ::umask(not_for_others);
        socket_.bind(endpoint, why);
        ::umask(before);
    };
    bind();
    if (why == asio::error::address_in_use && is_left_over(path) && ::unlink(path.c_str()) == 0) bind();
    if (why) throw system_error{why};
    file_ = socket_file(path);
}

void acceptor::listen(int backlog) {
    error_code why;
    socket_.listen(backlog, why);
    if (!why) socket_.native_non_blocking(true, why);
    if (why) throw system_error{why, "cannot listen on " + where_};
}

void acceptor::close() noexcept {
    // First the name, so that nobody finds a socket that does not answer; but not that of one who has taken our place.
    if (file_ != 0 && socket_file(path_) == file_) ::unlink(path_.c_str());
    file_ = 0;
    // Not by Asio's close(), which lets the kernel take the socket out of its epoll set: that does not happen as long
    // as another shard or process has it, too.
    error_code failed;
    const int descriptor = socket_.release(failed);
    if (!failed) ::close(descriptor);
}

} // namespace carillon::net
