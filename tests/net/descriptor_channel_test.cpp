#include "net/descriptor_channel.hpp"
#include "support/folder.hpp"

#include <boost/system/system_error.hpp>
#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <string>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace carillon::net {
namespace {

using namespace std::chrono_literals;
using test::folder;
using clock = descriptor_channel::clock;

// Both ends.
struct pair_of_ends {
    pair_of_ends() {
        std::array<int, 2> both{};
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, both.data()), 0);
        a = descriptor_channel{owned_descriptor{both[0]}};
        b = descriptor_channel{owned_descriptor{both[1]}};
    }
    descriptor_channel a, b;
};

bool same_file(int one, int other) {
    struct stat of_one {
    }, of_other{};
    return ::fstat(one, &of_one) == 0 && ::fstat(other, &of_other) == 0 && of_one.st_ino == of_other.st_ino &&
           of_one.st_dev == of_other.st_dev;
}

TEST(descriptor_channel, brings_messages_and_descriptors_as_they_were_sent) {
    pair_of_ends ends;
    std::array<int, 2> pipe{};
    ASSERT_EQ(::pipe(pipe.data()), 0);
    const owned_descriptor reads{pipe[0]}, writes{pipe[1]};
    const auto until = clock::now() + 10s;
    ASSERT_TRUE(ends.a.send("one", pipe, until));
    ASSERT_TRUE(ends.a.send("two", {}, until));
    const auto one = ends.b.receive(100, 2, until);
    ASSERT_TRUE(one);
    EXPECT_EQ(one->bytes, "one");
    ASSERT_EQ(one->descriptors.size(), 2u);
    EXPECT_TRUE(same_file(one->descriptors[0].get(), reads.get()));
    EXPECT_NE(one->descriptors[0].get(), reads.get());
    const auto two = ends.b.receive(100, 2, until);
    ASSERT_TRUE(two);
    EXPECT_EQ(two->bytes, "two");
    EXPECT_TRUE(two->descriptors.empty());
}

TEST(descriptor_channel, takes_as_many_descriptors_as_the_kernel) {
    pair_of_ends ends;
    const std::vector<int> many(253, STDERR_FILENO), too_many(254, STDERR_FILENO);
    const auto until = clock::now() + 10s;
    EXPECT_EQ(ends.a.send("x", too_many, until).error().value(), EINVAL);
    ASSERT_TRUE(ends.a.send("x", many, until));
    const auto got = ends.b.receive(1, 253, until);
    ASSERT_TRUE(got);
    EXPECT_EQ(got->descriptors.size(), 253u);
}

TEST(descriptor_channel, refuses_what_is_larger_than_is_wanted) {
    pair_of_ends ends;
    const std::vector<int> three(3, STDERR_FILENO);
    const auto until = clock::now() + 10s;
    ASSERT_TRUE(ends.a.send("four", {}, until));
    EXPECT_EQ(ends.b.receive(3, 0, until).error().value(), EMSGSIZE);
    ASSERT_TRUE(ends.a.send("x", three, until));
    EXPECT_EQ(ends.b.receive(1, 0, until).error().value(), EMFILE);
}

TEST(descriptor_channel, says_that_the_peer_has_ended_or_says_nothing) {
    pair_of_ends ends;
    EXPECT_EQ(ends.b.receive(1, 0, clock::now()).error().value(), ETIMEDOUT);
    ends.a.close();
    const auto got = ends.b.receive(1, 0, clock::now() + 10s);
    ASSERT_TRUE(got);
    EXPECT_TRUE(got->bytes.empty());
    EXPECT_EQ(ends.b.send("x", {}, clock::now() + 10s).error().value(), EPIPE);
}

TEST(descriptor_channel, waits_until_there_is_room) {
    pair_of_ends ends;
    const std::string large(60'000, 'x');
    std::size_t sent = 0;
    while (ends.a.send(large, {}, clock::now())) ++sent;
    ASSERT_GT(sent, 0u);
    std::thread reader{[&] {
        for (std::size_t i = 0; i <= sent; ++i) EXPECT_TRUE(ends.b.receive(large.size(), 0, clock::now() + 10s));
    }};
    EXPECT_TRUE(ends.a.send(large, {}, clock::now() + 10s));
    reader.join();
}

TEST(channel_listener, is_for_this_user_and_knows_who_comes) {
    const folder here;
    channel_listener door{here.socket()};
    struct stat about {};
    ASSERT_EQ(::stat(here.socket().c_str(), &about), 0);
    EXPECT_EQ(about.st_mode & 0777u, 0600u);
    const auto one = descriptor_channel::connect(here.socket());
    ASSERT_TRUE(one);
    const auto other = door.accept();
    ASSERT_TRUE(other && other->other_end());
    EXPECT_EQ(other->other_end()->user, ::geteuid());
    EXPECT_EQ(other->other_end()->process, ::getpid());
}

TEST(channel_listener, gives_its_name_away_and_takes_it_again) {
    const folder here;
    channel_listener first{here.socket()};
    EXPECT_THROW(channel_listener{here.socket()}, boost::system::system_error);
    first.close();
    EXPECT_FALSE(std::filesystem::exists(here.socket()));
    EXPECT_TRUE(first.listen_again());
    EXPECT_TRUE(descriptor_channel::connect(here.socket()));
    first.close();
    {
        channel_listener second{here.socket()};
        EXPECT_FALSE(first.listen_again());
        first.close();
        EXPECT_TRUE(std::filesystem::exists(here.socket())) << "it is another one's";
    }
    EXPECT_FALSE(std::filesystem::exists(here.socket()));
}

TEST(channel_listener, replaces_what_is_left_of_one_that_has_ended) {
    const folder here;
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    here.socket().copy(address.sun_path, sizeof address.sun_path - 1);
    const owned_descriptor left{::socket(AF_UNIX, SOCK_SEQPACKET, 0)};
    ASSERT_EQ(::bind(left.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    const channel_listener door{here.socket()};
    EXPECT_TRUE(descriptor_channel::connect(here.socket()));
}

TEST(channel_listener, can_be_woken) {
    const folder here;
    channel_listener door{here.socket()};
    std::thread waits{[&] { EXPECT_FALSE(door.accept()); }};
    door.wake();
    waits.join();
    EXPECT_FALSE(door.accept()) << "for good";
}

} // namespace
} // namespace carillon::net
