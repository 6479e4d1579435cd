#include "net/listener.hpp"
#include "work/work_pool.hpp"

#include <boost/asio/post.hpp>
#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <cerrno>
#include <deque>
#include <fcntl.h>
#include <functional>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace carillon::net {
namespace {

using namespace std::chrono_literals;

// What accept says, call by call; the kernel is asked after the last one.
struct accept_script {
    std::deque<int> errors;
    std::size_t calls = 0;

    static inline accept_script* current = nullptr;
    accept_script() { current = this; }
    accept_script(const accept_script&) = delete;
    accept_script& operator=(const accept_script&) = delete;
    ~accept_script() { current = nullptr; }

    static io_result accept(int listening) {
        ++current->calls;
        if (current->errors.empty()) return kernel().accept(listening);
        const int error = current->errors.front();
        current->errors.pop_front();
        return {0, error};
    }
    const system_calls table = [] {
        system_calls calls_made = kernel();
        calls_made.accept = accept;
        return calls_made;
    }();
};

// Who is given the accepted descriptors.
struct reception {
    std::vector<int> descriptors;
    std::function<void()> then;

    void operator()(int descriptor, work::lease& held) {
        EXPECT_TRUE(static_cast<bool>(held));
        descriptors.push_back(descriptor);
        if (then) then();
    }
};

class listener_test : public testing::Test {
protected:
    ~listener_test() override {
        listening.stop();
        pool.close();
        context.restart();
        context.run();
        EXPECT_EQ(listening.coroutines().inside(), 0u);
        for (const int descriptor : accepted.descriptors) ::close(descriptor);
        for (const int descriptor : clients) ::close(descriptor);
    }

    // Done when the kernel has the connection in its backlog, whether or not it is accepted.
    void connect_client() {
        const int client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        clients.push_back(client);
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(listening.port());
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        ASSERT_EQ(::connect(client, reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
    }
    void start() { accept_connections(listening, pool, policy, accepted); }
    template <class Condition>
    void run_until(Condition condition) {
        while (!condition()) ASSERT_EQ(context.run_one_for(30s), 1u) << "waited in vain";
    }
    void settle() {
        for (int i = 0; i < 50; ++i) context.poll();
    }
    bool accepted_all() const { return accepted.descriptors.size() == clients.size(); }

    boost::asio::io_context context{1};
    accept_script script;
    work::work_pool pool{context, 1, 1024};
    listener listening{context, {.host = "127.0.0.1"}, script.table};
    accept_policy policy;
    reception accepted;
    std::vector<int> clients;
};

TEST_F(listener_test, port_zero_becomes_a_port_that_can_be_reached) {
    EXPECT_NE(listening.port(), 0);
    start();
    connect_client();
    run_until([&] { return accepted_all(); });
    EXPECT_EQ(listening.counts().accepted, 1u);
}

TEST_F(listener_test, an_accepted_socket_is_ready_for_use) {
    start();
    connect_client();
    run_until([&] { return accepted_all(); });
    const int descriptor = accepted.descriptors.at(0);
    EXPECT_NE(::fcntl(descriptor, F_GETFL) & O_NONBLOCK, 0);
    EXPECT_NE(::fcntl(descriptor, F_GETFD) & FD_CLOEXEC, 0);
    int no_delay = 0;
    socklen_t size = sizeof no_delay;
    ASSERT_EQ(::getsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &no_delay, &size), 0);
    EXPECT_NE(no_delay, 0);
}

TEST(listener_bytes_first, a_silent_connection_stays_in_the_kernel_and_one_that_speaks_can_be_read_at_once) {
    boost::asio::io_context context;
    // Long enough that the kernel's patience does not end within the test.
    listener listening{context, {.host = "127.0.0.1", .bytes_first = 60s}};
    const int client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(listening.port());
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(::connect(client, reinterpret_cast<const sockaddr*>(&to), sizeof to), 0) << "the client is connected";
    EXPECT_EQ(listening.accept().error, EAGAIN);
    ASSERT_EQ(::send(client, "GET", 3, MSG_NOSIGNAL), 3);
    const io_result accepted = listening.accept();
    ASSERT_EQ(accepted.error, 0);
    const int descriptor = static_cast<int>(accepted.value);
    char bytes[8];
    EXPECT_EQ(::recv(descriptor, bytes, sizeof bytes, MSG_DONTWAIT), 3);
    ::close(descriptor);
    ::close(client);
}

// As Linux does it: set on the listening socket, there on the accepted ones.
TEST(listener_keepalive, accepted_sockets_inherit_it) {
    struct expectation {
        std::chrono::seconds given;
        int on, idle, interval, count;
        std::chrono::milliseconds unacknowledged;
    };
    for (const expectation& each : {expectation{300s, 1, 300, 100, 3, 600s}, expectation{2s, 1, 2, 1, 3, 0ms}}) {
        boost::asio::io_context context;
        listener listening{context, {.host = "127.0.0.1", .keepalive = each.given, .unacknowledged = each.unacknowledged}};
        const int client = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(listening.port());
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        ASSERT_EQ(::connect(client, reinterpret_cast<const sockaddr*>(&to), sizeof to), 0);
        const io_result accepted = listening.accept();
        ASSERT_EQ(accepted.error, 0);
        const int descriptor = static_cast<int>(accepted.value);
        const auto option = [&](int level, int name) {
            int value = -1;
            socklen_t size = sizeof value;
            EXPECT_EQ(::getsockopt(descriptor, level, name, &value, &size), 0);
            return value;
        };
        EXPECT_EQ(option(SOL_SOCKET, SO_KEEPALIVE), each.on);
        EXPECT_EQ(option(IPPROTO_TCP, TCP_KEEPIDLE), each.idle);
        EXPECT_EQ(option(IPPROTO_TCP, TCP_KEEPINTVL), each.interval);
        EXPECT_EQ(option(IPPROTO_TCP, TCP_KEEPCNT), each.count);
        EXPECT_EQ(option(IPPROTO_TCP, TCP_USER_TIMEOUT), each.unacknowledged.count());
        ::close(descriptor);
        ::close(client);
    }
}

TEST_F(listener_test, without_keepalive_nothing_is_asked) {
    start();
    connect_client();
    run_until([&] { return accepted_all(); });
    int on = -1;
    socklen_t size = sizeof on;
    ASSERT_EQ(::getsockopt(accepted.descriptors.at(0), SOL_SOCKET, SO_KEEPALIVE, &on, &size), 0);
    EXPECT_EQ(on, 0);
}

TEST_F(listener_test, the_lease_is_free_again_when_the_backlog_is_drained) {
    start();
    for (int i = 0; i < 5; ++i) connect_client();
    run_until([&] { return accepted_all(); });
    settle();
    EXPECT_EQ(pool.used(), 0u);
    EXPECT_EQ(script.calls, 6u) << "five, and one that finds nothing";
}

TEST_F(listener_test, without_connections_accept_is_not_called) {
    start();
    settle();
    EXPECT_EQ(script.calls, 0u);
    EXPECT_EQ(pool.used(), 0u);
}

TEST_F(listener_test, a_readiness_that_finds_nothing_is_no_failure) {
    script.errors = {EAGAIN, EWOULDBLOCK};
    start();
    connect_client();
    run_until([&] { return accepted_all(); });
    EXPECT_EQ(listening.counts().failed, 0u);
    EXPECT_EQ(listening.counts().fd_limit, 0u);
}

TEST_F(listener_test, a_connection_that_failed_in_the_backlog_does_not_stop_the_next) {
    script.errors = {ECONNABORTED, EPROTO, ENETDOWN, EINTR};
    start();
    connect_client();
    run_until([&] { return accepted_all(); });
    EXPECT_EQ(listening.counts().failed, 3u) << "an interruption is none";
    EXPECT_EQ(listening.counts().accepted, 1u);
    settle();
    EXPECT_EQ(script.calls, 6u);
}

TEST_F(listener_test, without_descriptors_it_pauses_and_neither_spins_nor_closes) {
    for (const int error : {EMFILE, ENFILE, ENOBUFS, ENOMEM}) script.errors.push_back(error);
    policy.fd_pause = 1ms;
    start();
    connect_client();
    run_until([&] { return accepted_all(); });
    EXPECT_EQ(listening.counts().fd_limit, 4u);
    EXPECT_EQ(listening.counts().failed, 0u);
}

TEST_F(listener_test, during_the_pause_accept_is_not_called_and_no_lease_is_held) {
    script.errors = {EMFILE};
    policy.fd_pause = 1h;
    start();
    connect_client();
    run_until([&] { return script.calls == 1; });
    settle();
    connect_client(); // the port is still open
    settle();
    EXPECT_EQ(script.calls, 1u);
    EXPECT_EQ(pool.used(), 0u);
    EXPECT_EQ(listening.coroutines().inside(), 1u);
}

TEST_F(listener_test, a_stop_during_the_pause_ends_it) {
    script.errors = {EMFILE};
    policy.fd_pause = 1h;
    start();
    connect_client();
    run_until([&] { return script.calls == 1; });
    settle();
    listening.stop();
    context.run();
    EXPECT_EQ(listening.coroutines().inside(), 0u);
    EXPECT_EQ(script.calls, 1u);
}

TEST_F(listener_test, without_a_lease_the_connection_stays_in_the_backlog_until_there_is_one) {
    work::lease busy = pool.try_acquire();
    ASSERT_TRUE(static_cast<bool>(busy));
    start();
    connect_client();
    run_until([&] { return listening.counts().no_lease >= 3; });
    EXPECT_EQ(script.calls, 0u);
    EXPECT_TRUE(accepted.descriptors.empty());
    EXPECT_GE(pool.counts().timeouts, 3u);
    busy = {};
    run_until([&] { return accepted_all(); });
    EXPECT_EQ(listening.counts().accepted, 1u);
}

TEST_F(listener_test, a_lease_that_comes_in_time_is_used) {
    policy.patience = 1h;
    work::lease busy = pool.try_acquire();
    start();
    connect_client();
    run_until([&] { return pool.waiting() == 1; });
    busy = {};
    run_until([&] { return accepted_all(); });
    EXPECT_EQ(listening.counts().no_lease, 0u);
}

TEST_F(listener_test, after_a_batch_other_events_have_their_turn) {
    policy.batch = 2;
    std::size_t accepted_when_the_other_ran = 0;
    accepted.then = [&] {
        if (accepted.descriptors.size() > 1) return;
        boost::asio::post(context, [&] { accepted_when_the_other_ran = accepted.descriptors.size(); });
    };
    for (int i = 0; i < 7; ++i) connect_client();
    start();
    run_until([&] { return accepted_all(); });
    EXPECT_EQ(accepted_when_the_other_ran, 2u);
}

TEST_F(listener_test, stopping_ends_the_coroutine_and_frees_the_port) {
    start();
    const std::uint16_t port = listening.port();
    EXPECT_EQ(listening.coroutines().inside(), 1u);
    boost::asio::post(context, [&] { listening.stop(); });
    context.run();
    EXPECT_EQ(listening.coroutines().inside(), 0u);
    EXPECT_NO_THROW((listener{context, {.host = "127.0.0.1", .port = port}}));
}

TEST_F(listener_test, a_stop_while_it_waits_for_a_lease_is_no_failure_of_accept) {
    policy.patience = 1h;
    work::lease busy = pool.try_acquire();
    start();
    connect_client();
    run_until([&] { return pool.waiting() == 1; });
    listening.stop();
    busy = {};
    run_until([&] { return listening.coroutines().inside() == 0; });
    EXPECT_EQ(listening.counts().failed, 0u);
    EXPECT_EQ(script.calls, 0u);
}

TEST_F(listener_test, a_stop_by_the_one_who_was_given_a_connection_ends_the_batch) {
    for (int i = 0; i < 3; ++i) connect_client();
    accepted.then = [&] { listening.stop(); };
    start();
    run_until([&] { return listening.coroutines().inside() == 0; });
    EXPECT_EQ(accepted.descriptors.size(), 1u);
    EXPECT_EQ(listening.counts().failed, 0u);
}

TEST_F(listener_test, one_that_was_stopped_before_accepts_nothing) {
    listening.stop();
    start();
    EXPECT_EQ(listening.coroutines().inside(), 0u);
}

std::string refusal_of(const listen_options& options, boost::system::error_code& why) {
    boost::asio::io_context context{1};
    try {
        listener{context, options};
    } catch (const boost::system::system_error& failure) {
        why = failure.code();
        return failure.what();
    }
    return {};
}

TEST_F(listener_test, an_address_in_use_is_named) {
    boost::system::error_code why;
    const std::string text = refusal_of({.host = "127.0.0.1", .port = listening.port()}, why);
    EXPECT_EQ(why, boost::asio::error::address_in_use);
    EXPECT_NE(text.find("cannot listen on 127.0.0.1:" + std::to_string(listening.port())), std::string::npos) << text;
}

TEST(listener, what_is_no_address_of_ours_is_named) {
    for (const char* host : {"nonsense", "", "192.0.2.1"}) {
        boost::system::error_code why;
        const std::string text = refusal_of({.host = host}, why);
        EXPECT_TRUE(why) << host;
        EXPECT_NE(text.find(std::string{"cannot listen on "} + host), std::string::npos) << text;
    }
}

TEST(listener, two_shards_share_a_port_when_both_say_so) {
    boost::asio::io_context context{1};
    const listener first{context, {.host = "127.0.0.1", .share_port = true}};
    EXPECT_NO_THROW((listener{context, {.host = "127.0.0.1", .port = first.port(), .share_port = true}}));
}

} // namespace
} // namespace carillon::net
