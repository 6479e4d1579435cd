#include "net/acceptor.hpp"
#include "net/listener.hpp"
#include "net/peer_name.hpp"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <cerrno>
#include <fstream>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace carillon::net {
namespace {

// A connection to a unix socket, a TCP port of 127.0.0.1 or of ::1; -1 and errno if there is none.
int connected(int family, const sockaddr* to, socklen_t size) {
    const int descriptor = ::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor >= 0 && ::connect(descriptor, to, size) == 0) return descriptor;
    const int why = errno;
    ::close(descriptor);
    errno = why;
    return -1;
}
int connected(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    return connected(AF_UNIX, reinterpret_cast<const sockaddr*>(&address), sizeof address);
}
int connected_by_ipv4(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return connected(AF_INET, reinterpret_cast<const sockaddr*>(&address), sizeof address);
}
int connected_by_ipv6(std::uint16_t port) {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(port);
    address.sin6_addr = in6addr_loopback;
    return connected(AF_INET6, reinterpret_cast<const sockaddr*>(&address), sizeof address);
}
bool has_ipv6() { return hosts_of("localhost").size() == 2; }

std::string path_of(const char* name) {
    std::string path = testing::TempDir() + name + std::to_string(::getpid());
    ::unlink(path.c_str());
    return path;
}
bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

TEST(hosts_of, a_name_or_every_host_is_what_the_machine_has) {
    EXPECT_EQ(hosts_of("10.0.0.1"), std::vector<std::string>{"10.0.0.1"});
    EXPECT_EQ(hosts_of("/run/a"), std::vector<std::string>{"/run/a"});
    EXPECT_EQ(hosts_of("localhost").front(), "127.0.0.1");
    if (has_ipv6()) {
        EXPECT_EQ(hosts_of("localhost").back(), "::1");
        EXPECT_EQ(hosts_of("::"), std::vector<std::string>{"::"});
    } else {
        EXPECT_EQ(hosts_of("::"), std::vector<std::string>{"0.0.0.0"});
    }
}

TEST(acceptor, every_host_is_reached_by_both_families) {
    boost::asio::io_context context;
    acceptor every{context, hosts_of("::").front(), 0};
    every.listen(8);
    const int by_ipv4 = connected_by_ipv4(every.port());
    EXPECT_GE(by_ipv4, 0);
    ::close(by_ipv4);
    if (!has_ipv6()) return;
    EXPECT_EQ(every.where(), "[::]:" + std::to_string(every.port()));
    const int by_ipv6 = connected_by_ipv6(every.port());
    EXPECT_GE(by_ipv6, 0);
    ::close(by_ipv6);
}

TEST(acceptor, a_unix_socket_has_a_file_for_user_and_group_as_long_as_it_is_open) {
    boost::asio::io_context context;
    const std::string path = path_of("acceptor");
    {
        acceptor bound{context, path, 0};
        bound.listen(8);
        EXPECT_EQ(bound.where(), "unix:" + path);
        EXPECT_EQ(bound.port(), 0);
        EXPECT_FALSE(bound.is_tcp());
        struct stat file {};
        ASSERT_EQ(::stat(path.c_str(), &file), 0);
        EXPECT_EQ(file.st_mode & 0777, 0660u);
        const int client = connected(path);
        EXPECT_GE(client, 0);
        EXPECT_EQ(peer_name(client), "unix");
        ::close(client);
        const acceptor moved{std::move(bound)};
        EXPECT_TRUE(exists(path));
    }
    EXPECT_FALSE(exists(path));
}

TEST(acceptor, a_file_that_was_left_behind_is_replaced_and_one_in_use_is_not) {
    boost::asio::io_context context;
    const std::string path = path_of("left");
    // As after SIGKILL: the file is there, and nobody listens.
    const int dead = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(::bind(dead, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ::close(dead);
    ASSERT_TRUE(exists(path));
    acceptor first{context, path, 0};
    first.listen(8);
    try {
        acceptor second{context, path, 0};
        FAIL() << "two on one path";
    } catch (const boost::system::system_error& failure) {
        EXPECT_NE(std::string{failure.what()}.find("cannot listen on unix:" + path), std::string::npos);
    }
    const int client = connected(path);
    EXPECT_GE(client, 0);
    ::close(client);
    // Somebody else's file in its place stays.
    ::unlink(path.c_str());
    acceptor another{context, path, 0};
    first.close();
    EXPECT_TRUE(exists(path));
}

TEST(acceptor, what_is_no_socket_is_left_alone) {
    boost::asio::io_context context;
    const std::string path = path_of("file");
    std::ofstream{path} << "mine";
    EXPECT_THROW((acceptor{context, path, 0}), boost::system::system_error);
    EXPECT_TRUE(exists(path));
    ::unlink(path.c_str());
    EXPECT_THROW((acceptor{context, "/nowhere/at/all", 0}), boost::system::system_error);
}

TEST(listener_unix, two_shards_accept_from_one_socket) {
    boost::asio::io_context first_context, second_context;
    const std::string path = path_of("shared");
    listener first{first_context, {.host = path}};
    listener second{second_context, first};
    EXPECT_EQ(second.where(), first.where());
    const int one = connected(path);
    const int two = connected(path);
    for (listener* each : {&second, &first}) {
        const io_result accepted = each->accept();
        ASSERT_EQ(accepted.error, 0);
        ::close(static_cast<int>(accepted.value));
        EXPECT_FALSE(each->stopped());
    }
    EXPECT_EQ(second.accept().error, EAGAIN);
    second.stop();
    EXPECT_TRUE(exists(path)); // the first one's
    first.stop();
    EXPECT_FALSE(exists(path));
    ::close(one);
    ::close(two);
}

TEST(peer_name, is_an_address_with_its_port) {
    boost::asio::io_context context;
    acceptor every{context, hosts_of("::").front(), 0};
    every.listen(8);
    const int by_ipv4 = connected_by_ipv4(every.port());
    const io_result accepted = kernel().accept(every.descriptor());
    ASSERT_EQ(accepted.error, 0);
    const std::string name = peer_name(static_cast<int>(accepted.value));
    EXPECT_TRUE(name.starts_with("127.0.0.1:")) << name; // and not ::ffff:127.0.0.1
    EXPECT_EQ(peer_name(by_ipv4), "127.0.0.1:" + std::to_string(every.port()));
    EXPECT_EQ(peer_name(-1), "unknown");
    ::close(static_cast<int>(accepted.value));
    ::close(by_ipv4);
    if (!has_ipv6()) return;
    const int by_ipv6 = connected_by_ipv6(every.port());
    EXPECT_EQ(peer_name(by_ipv6), "[::1]:" + std::to_string(every.port()));
    ::close(by_ipv6);
}

} // namespace
} // namespace carillon::net
