#include "lifecycle/doorkeeper.hpp"

#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <map>
#include <string>

namespace carillon::lifecycle {
namespace {

using namespace std::chrono_literals;
using files = std::map<std::string, std::string>;

memory_use found_in(const files& all) {
    return memory_of_cgroups([&](const std::string& path) {
        const auto found = all.find(path);
        return found == all.end() ? std::string{} : found->second;
    });
}

TEST(memory_of_cgroups, is_that_of_the_cgroup_which_is_nearest_to_its_limit) {
    struct row {
        const char* name;
        files all;
        std::uint64_t used, limit;
    };
    const row rows[] = {
        {"nothing there", {}, 0, 0},
        {"a container, v2",
         {{"/proc/self/cgroup", "0::/\n"},
          {"/sys/fs/cgroup/memory.max", "1000\n"},
          {"/sys/fs/cgroup/memory.current", "900\n"},
          {"/sys/fs/cgroup/memory.stat", "anon 500\nfile 400\ninactive_file 300\nactive_file 100\n"}},
         600,
         1000},
        {"without a limit",
         {{"/proc/self/cgroup", "0::/a\n"},
          {"/sys/fs/cgroup/a/memory.max", "max\n"},
          {"/sys/fs/cgroup/a/memory.current", "900\n"}},
         0,
         0},
        {"the one above is nearer",
         {{"/proc/self/cgroup", "0::/a/b\n"},
          {"/sys/fs/cgroup/a/b/memory.max", "1000\n"},
          {"/sys/fs/cgroup/a/b/memory.current", "100\n"},
          {"/sys/fs/cgroup/a/memory.max", "2000\n"},
          {"/sys/fs/cgroup/a/memory.current", "1900\n"}},
         1900,
         2000},
        {"v1",
         {{"/proc/self/cgroup", "5:cpu,cpuacct:/x\n4:memory:/x\n"},
          {"/sys/fs/cgroup/memory/x/memory.limit_in_bytes", "1000\n"},
          {"/sys/fs/cgroup/memory/x/memory.usage_in_bytes", "700\n"},
          {"/sys/fs/cgroup/memory/x/memory.stat", "inactive_file 1\ntotal_inactive_file 50\n"},
          {"/sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"},
          {"/sys/fs/cgroup/memory/memory.usage_in_bytes", "7000\n"}},
         650,
         1000},
        {"more to give back than is used",
         {{"/sys/fs/cgroup/memory.max", "1000"},
          {"/sys/fs/cgroup/memory.current", "10"},
          {"/sys/fs/cgroup/memory.stat", "inactive_file 20"}},
         0,
         1000},
        {"no number", {{"/sys/fs/cgroup/memory.max", "lots"}, {"/sys/fs/cgroup/memory.current", "10"}}, 0, 0},
    };
    for (const row& each : rows) {
        SCOPED_TRACE(each.name);
        const memory_use is = found_in(each.all);
        EXPECT_EQ(is.used_bytes, each.used);
        EXPECT_EQ(is.limit_bytes, each.limit);
    }
}

TEST(memory_use, percents_are_rounded_up) {
    EXPECT_EQ((memory_use{0, 0}).percent(), 0u);
    EXPECT_EQ((memory_use{0, 1000}).percent(), 0u);
    EXPECT_EQ((memory_use{900, 1000}).percent(), 90u);
    EXPECT_EQ((memory_use{901, 1000}).percent(), 91u);
    EXPECT_EQ((memory_use{5000, 1000}).percent(), 100u);
}

TEST(doorkeeper, lets_nobody_in_above_so_many_percent_until_it_is_two_less) {
    spdlog::set_level(spdlog::level::off);
    config::settings how;
    how.memory_percent_max = 90;
    std::uint64_t used = 900;
    boost::asio::io_context context;
    doorkeeper door{context, how, [&] { return memory_use{used << 20, 1000 << 20}; }};
    door.watch();
    peer::admission& admission = *door.door().admission;
    EXPECT_EQ(door.closed(), "");
    const auto look = [&](std::uint64_t now) {
        used = now;
        context.run_one(); // the next look
        return admission.closed();
    };
    EXPECT_TRUE(look(901));
    EXPECT_EQ(door.closed(), "91 percent of 1000 MiB of memory are used");
    EXPECT_TRUE(look(890));
    EXPECT_FALSE(look(880));
    EXPECT_FALSE(look(900));
    EXPECT_EQ(door.closed(), "");
    door.stop();
}

TEST(doorkeeper, without_options_there_is_nothing_to_ask) {
    boost::asio::io_context context;
    doorkeeper door{context, config::settings{}, [] { return memory_use{}; }};
    EXPECT_EQ(door.door().admission, nullptr);
    EXPECT_EQ(door.door().proxies, nullptr);
    EXPECT_FALSE(door.door().knows_proxies());
    door.watch();
    EXPECT_EQ(context.poll(), 0u);
}

TEST(doorkeeper, the_settings_say_whom_to_believe) {
    spdlog::set_level(spdlog::level::off);
    boost::asio::io_context context;
    config::settings how;
    how.trusted_proxies = {"10.0.0.0/8", "unix"};
    how.trusted_proxy_headers = {"Forwarded"};
    how.address_connections_max = 3;
    doorkeeper door{context, how};
    const session::door_options made = door.door();
    EXPECT_TRUE(made.knows_proxies());
    EXPECT_TRUE(made.proxies->has(*peer::read_address("10.1.1.1")));
    EXPECT_FALSE(made.proxies->has(*peer::read_address("11.1.1.1")));
    EXPECT_EQ(made.forwardings, std::vector{peer::forwarding::forwarded});
    EXPECT_TRUE(made.admission->counts_addresses());
}

} // namespace
} // namespace carillon::lifecycle
