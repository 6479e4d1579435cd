#include "wires/dialer.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <gtest/gtest.h>

#include <netinet/tcp.h>
#include <sys/socket.h>
#include <vector>

namespace carillon::wires {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;
using tcp = asio::ip::tcp;
using clock = dialer::clock;

const tcp::endpoint loopback{asio::ip::address_v4::loopback(), 0};

const std::string refused = make_error_code(boost::system::errc::connection_refused).message();

whereabouts at(const tcp::endpoint& server) {
    whereabouts where;
    where.server = {server.address().to_string(), server.port()};
    return where;
}
place place_of(const tcp::endpoint& server) { return at(server).server; }

struct rig {
    asio::io_context context{1};
    tcp::acceptor server{context, loopback};
    dialer dialing{context, at(server.local_endpoint())};
    wire first{context, [] {}};
    wire second{context, [] {}};

    template <class Outcome>
    Outcome finish(asio::awaitable<Outcome> what) {
        auto outcome = asio::co_spawn(context, std::move(what), asio::use_future);
        context.restart();
        context.run();
        return outcome.get();
    }
    // Where nobody listens.
    place closed() { return place_of(tcp::acceptor{context, loopback}.local_endpoint()); }
};

TEST(dialer, looks_the_name_up_and_connects) {
    rig r;
    ASSERT_EQ(r.finish(r.dialing.open(&r.first, clock::now() + 30s)), "");
    EXPECT_EQ(r.first.socket().remote_endpoint(), wire::protocol::endpoint{r.server.local_endpoint()});
    EXPECT_EQ(r.dialing.addresses().left(), 0u);
    EXPECT_FALSE(r.dialing.looking_up());
}

TEST(dialer, tries_one_address_with_each_attempt_and_looks_the_name_up_when_there_are_no_more) {
    rig r;
    r.dialing.addresses().looked_up({r.closed(), r.closed()});
    for (const std::size_t left : {1u, 0u}) {
        ASSERT_EQ(r.finish(r.dialing.open(&r.first, clock::now() + 30s)), refused);
        ASSERT_EQ(r.dialing.addresses().left(), left);
        r.first.close();
    }
    EXPECT_EQ(r.finish(r.dialing.open(&r.first, clock::now() + 30s)), "") << "to what the name means";
}

TEST(dialer, opens_a_second_connection_to_where_the_first_leads) {
    rig r;
    r.dialing.addresses().looked_up({r.closed(), place_of(r.server.local_endpoint()), r.closed()});
    ASSERT_NE(r.finish(r.dialing.open(&r.first, clock::now() + 30s)), "");
    r.first.close();
    ASSERT_EQ(r.finish(r.dialing.open(&r.first, clock::now() + 30s)), "");
    ASSERT_EQ(r.finish(r.dialing.open_beside(&r.second, clock::now() + 30s)), "");
    EXPECT_EQ(r.second.socket().remote_endpoint(), wire::protocol::endpoint{r.server.local_endpoint()});
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
        const tcp::endpoint where = deaf.local_endpoint();
        ::connect(queue.back().native_handle(), where.data(),
                  static_cast<socklen_t>(where.size())); // is not waited for
    }
    r.dialing.addresses().looked_up({place_of(deaf.local_endpoint()), place_of(r.server.local_endpoint())});
    EXPECT_NE(r.finish(r.dialing.open(&r.first, clock::now() + 50ms)), "");
    EXPECT_EQ(r.finish(r.dialing.open(&r.first, clock::now() + 30s)), "");
    EXPECT_EQ(r.first.socket().remote_endpoint(), wire::protocol::endpoint{r.server.local_endpoint()});
}

TEST(dialer, begins_nothing_after_its_stop) {
    rig r;
    r.dialing.stop();
    EXPECT_EQ(r.finish(r.dialing.open(&r.first, clock::now() + 30s)),
              make_error_code(asio::error::operation_aborted).message());
}

TEST(dialer, says_what_the_resolver_says) {
    rig r;
    whereabouts nowhere;
    nowhere.server = {"no.such.name.invalid", 6379};
    dialer other{r.context, nowhere};
    EXPECT_NE(r.finish(other.open(&r.first, clock::now() + 30s)), "");
    EXPECT_EQ(other.addresses().left(), 0u);
}

TEST(wire, tells_the_kernel_for_how_long_it_may_keep_what_is_not_acknowledged) {
    rig r;
    ASSERT_EQ(r.finish(r.dialing.open(&r.first, clock::now() + 30s)), "");
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
} // namespace carillon::wires
