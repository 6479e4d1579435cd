#pragma once

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <sys/types.h>
#include <vector>

namespace carillon::net {

/// Whether a host is the path of a unix socket.
inline bool is_path(std::string_view host) noexcept { return host.starts_with('/'); }

/// The numeric hosts, or the path, that one host to listen on stands for on this machine: "localhost" is 127.0.0.1 and
/// ::1, where the machine has it; "::" is every address of both families, on a machine without IPv6 0.0.0.0; all
/// others are themselves. Asks the kernel, but listens nowhere.
std::vector<std::string> hosts_of(const std::string& host);

/// A socket that is bound, TCP or unix, and may listen. Closing it removes the file of a unix socket. Move-only.
class acceptor {
public:
    using protocol = boost::asio::generic::stream_protocol;
    using socket = boost::asio::basic_socket_acceptor<protocol>;

    /// Binds to one of hosts_of. "::" takes IPv4, too, whatever the machine's bindv6only. A unix socket may be
    /// connected to by the process's user and group (mode 0660); a file that is left of a process that has ended is
    /// replaced. Throws boost::system::system_error with the address in its text.
    acceptor(boost::asio::io_context& context, const std::string& host, std::uint16_t port, bool share_port = false);
    /// A second descriptor of a socket that `other`, perhaps on another thread, has bound and listens on.
    acceptor(boost::asio::io_context& context, const acceptor& other);
    /// A socket that listens already and that another process has: `descriptor` is ours from now on. Closing it leaves
    /// the file of a unix socket, until take_file() says that it is ours, too.
    acceptor(boost::asio::io_context& context, int descriptor, const std::string& host);
    acceptor(acceptor&& other) noexcept;
    acceptor& operator=(acceptor&&) = delete;
    ~acceptor();

    /// Throws as the constructor does.
    void listen(int backlog);
    void close() noexcept;
    /// Another process has the socket, too, and goes on with it: closing it here leaves its file.
    void leave_file() noexcept { file_ = 0; }
    void take_file() noexcept;

    socket& get() noexcept { return socket_; }
    int descriptor() { return socket_.native_handle(); }
    const std::string& host() const noexcept { return host_; } ///< what it was bound to: an address, or a path
    bool is_tcp() const noexcept { return path_.empty(); }
    std::uint16_t port() const noexcept { return port_; } ///< 0: a unix socket
    /// What the options take: "127.0.0.1:8000", "[::1]:8000", "unix:/run/carillon.sock".
    const std::string& where() const noexcept { return where_; }

private:
    void bind_tcp(const std::string& host, std::uint16_t port, bool share_port);
    void bind_path(const std::string& path);

    socket socket_;
    std::string host_;
    std::string path_;
    std::string where_;
    std::uint16_t port_ = 0;
    ino_t file_ = 0; // whose removal is ours; 0: none
};

} // namespace carillon::net
