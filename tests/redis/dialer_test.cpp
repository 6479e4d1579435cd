#include "redis/dialer.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <gtest/gtest.h>

#include <netinet/tcp.h>
#include <sys/socket.h>
#include <vector>

namespace carillon::redis {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using tcp = asio::ip::tcp;
using address = upstream_addresses::address;
using clock = dialer::clock;

const address loopback{asio::ip::address_v4::loopback(), 0};

struct rig {
    asio::io_context context{1};
    tcp::acceptor server{context, loopback};
    dialer dialing{context, "127.0.0.1", server.local_endpoint().port()};
    wire first{context, [] {}};
    wire second{context, [] {}};

    template <class Outcome>
    boost::system::error_code finish(asio::awaitable<Outcome> what) {
        auto outcome = asio::co_spawn(context, std::move(what), asio::use_future);
        context.restart();
        context.run();
        return outcome.get();
    }
    // Where nobody listens.
    address closed() { return tcp::acceptor{context, loopback}.local_endpoint(); }
};

TEST(dialer, looks_the_name_up_and_connects) {
    rig r;
    ASSERT_FALSE(r.finish(r.dialing.open(&r.first, clock::now() + 30s)));
    EXPECT_EQ(r.first.socket().remote_endpoint(), r.server.local_endpoint());
    EXPECT_EQ(r.dialing.addresses().left(), 0u);
    EXPECT_FALSE(r.dialing.looking_up());
}

TEST(dialer, tries_one_address_with_each_attempt_and_looks_the_name_up_when_there_are_no_more) {
    rig r;
    r.dialing.addresses().looked_up({r.closed(), r.closed()});
    for (const std::size_t left : {1u, 0u}) {
        ASSERT_EQ(r.finish(r.dialing.open(&r.first, clock::now() + 30s)), asio::error::connection_refused);
        ASSERT_EQ(r.dialing.addresses().left(), left);
        r.first.close();
    }
    EXPECT_FALSE(r.finish(r.dialing.open(&r.first, clock::now() + 30s))) << "to what the name means";
}

TEST(dialer, opens_a_second_connection_to_where_the_first_leads) {
    rig r;
    r.dialing.addresses().looked_up({r.closed(), r.server.local_endpoint(), r.closed()});
    ASSERT_TRUE(r.finish(r.dialing.open(&r.first, clock::now() + 30s)));
    r.first.close();
    ASSERT_FALSE(r.finish(r.dialing.open(&r.first, clock::now() + 30s)));
    ASSERT_FALSE(r.finish(r.dialing.open_beside(&r.second, clock::now() + 30s)));
    EXPECT_EQ(r.second.socket().remote_endpoint(), r.server.local_endpoint());
    EXPECT_NE(r.second.socket().local_endpoint(), r.first.socket().local_endpoint());
}

// A listener whose queue is full: the kernel drops whoever comes next.
TEST(dialer, gives_up_an_address_that_swallows_everything_at_the_deadline) {
    rig r;
    tcp::acceptor deaf{r.context, loopback.protocol()};
    deaf.bind(loopback);
    deaf.listen(0);
    std::vector<tcp::socket> queue;
    for (int i = 0; i < 3; ++i) {
        queue.emplace_back(r.context, loopback.protocol());
        queue.back().native_non_blocking(true);
        const address where = deaf.local_endpoint();
        ::connect(queue.back().native_handle(), where.data(),
                  static_cast<socklen_t>(where.size())); // is not waited for
    }
    r.dialing.addresses().looked_up({deaf.local_endpoint(), r.server.local_endpoint()});
    EXPECT_TRUE(r.finish(r.dialing.open(&r.first, clock::now() + 50ms)));
    EXPECT_FALSE(r.finish(r.dialing.open(&r.first, clock::now() + 30s)));
    EXPECT_EQ(r.first.socket().remote_endpoint(), r.server.local_endpoint());
}

TEST(dialer, begins_nothing_after_its_stop) {
    rig r;
    r.dialing.stop();
    EXPECT_EQ(r.finish(r.dialing.open(&r.first, clock::now() + 30s)), asio::error::operation_aborted);
}

TEST(dialer, says_what_the_resolver_says) {
    rig r;
    dialer other{r.context, "no.such.name.invalid", 6379};
    EXPECT_TRUE(r.finish(other.open(&r.first, clock::now() + 30s)));
    EXPECT_EQ(other.addresses().left(), 0u);
}

TEST(wire, tells_the_kernel_for_how_long_it_may_keep_what_is_not_acknowledged) {
    rig r;
    ASSERT_FALSE(r.finish(r.dialing.open(&r.first, clock::now() + 30s)));
    r.first.opened(4'321ms);
    const int socket = r.first.socket().native_handle();
    unsigned timeout = 0;
    socklen_t size = sizeof timeout;
    ASSERT_EQ(::getsockopt(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout, &size), 0);
    EXPECT_EQ(timeout, 4'321u);
    int no_delay = 0;
    size = sizeof no_delay;
    ASSERT_EQ(::getsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &no_delay, &size), 0);
    EXPECT_NE(no_delay, 0);
    r.first.close();
}

} // namespace
} // namespace carillon::redis
