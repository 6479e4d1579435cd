#include "shards/limits.hpp"

#include <boost/system/errc.hpp>
#include <gtest/gtest.h>

#include <map>
#include <sched.h>
#include <string>
#include <sys/resource.h>
#include <thread>

namespace carillon::shards {
namespace {

struct cgroup_case {
    const char* name;
    std::map<std::string, std::string> files;
    std::size_t cores; // 0: no limit
};

const char* const own = "/proc/self/cgroup";
const std::string root = "/sys/fs/cgroup";

const cgroup_case cgroups[] = {
    {"no cgroup at all", {}, 0},
    {"v2 without a limit", {{own, "0::/\n"}, {root + "/cpu.max", "max 100000\n"}}, 0},
    {"v2 with two cores", {{own, "0::/\n"}, {root + "/cpu.max", "200000 100000\n"}}, 2},
    {"v2 with a core and a half, rounded up", {{own, "0::/\n"}, {root + "/cpu.max", "150000 100000\n"}}, 2},
    {"v2 with a tenth of a core", {{own, "0::/\n"}, {root + "/cpu.max", "10000 100000\n"}}, 1},
    {"v2 with a period of its own", {{own, "0::/\n"}, {root + "/cpu.max", "400000 50000\n"}}, 8},
    {"v2 without a period", {{own, "0::/\n"}, {root + "/cpu.max", "200000\n"}}, 0},
    {"v2 with nonsense", {{own, "0::/\n"}, {root + "/cpu.max", "many cores\n"}}, 0},
    {"v2 with a period of nothing", {{own, "0::/\n"}, {root + "/cpu.max", "200000 0\n"}}, 0},
    {"no list of cgroups", {{root + "/cpu.max", "200000 100000\n"}}, 2},
    {"a list without a path", {{own, "0::\nnonsense\n:\n"}, {root + "/cpu.max", "200000 100000\n"}}, 2},
    {"a service of systemd",
     {{own, "0::/system.slice/carillon.service\n"},
      {root + "/system.slice/carillon.service/cpu.max", "200000 100000\n"}},
     2},
    {"the slice around it has less",
     {{own, "0::/system.slice/carillon.service\n"},
      {root + "/system.slice/carillon.service/cpu.max", "800000 100000\n"},
      {root + "/system.slice/cpu.max", "300000 100000\n"}},
     3},
    {"the slice around it has more",
     {{own, "0::/system.slice/carillon.service\n"},
      {root + "/system.slice/carillon.service/cpu.max", "200000 100000\n"},
      {root + "/system.slice/cpu.max", "300000 100000\n"}},
     2},
    {"a container that is told its path outside",
     {{own, "0::/kubepods/pod1/container"}, {root + "/cpu.max", "400000 100000\n"}},
     4},
    {"v1 without a limit",
     {{own, "3:cpu,cpuacct:/\n"},
      {root + "/cpu/cpu.cfs_quota_us", "-1\n"},
      {root + "/cpu/cpu.cfs_period_us", "100000\n"}},
     0},
    {"v1 with three cores",
     {{own, "3:cpuacct,cpu:/\n"},
      {root + "/cpu/cpu.cfs_quota_us", "300000\n"},
      {root + "/cpu/cpu.cfs_period_us", "100000\n"}},
     3},
    {"v1 with a little more than three",
     {{own, "3:cpu:/a\n"},
      {root + "/cpu/a/cpu.cfs_quota_us", "300001\n"},
      {root + "/cpu/a/cpu.cfs_period_us", "100000\n"}},
     4},
    {"v1 without a period", {{own, "3:cpu:/\n"}, {root + "/cpu/cpu.cfs_quota_us", "300000\n"}}, 0},
    {"v1 of another controller",
     {{own, "3:cpuset:/a\n"},
      {root + "/cpu/a/cpu.cfs_quota_us", "300000\n"},
      {root + "/cpu/a/cpu.cfs_period_us", "100000\n"}},
     0},
    {"both, of which the smaller counts",
     {{own, "3:cpu,cpuacct:/a\n0::/b\n"},
      {root + "/cpu/a/cpu.cfs_quota_us", "300000\n"},
      {root + "/cpu/a/cpu.cfs_period_us", "100000\n"},
      {root + "/b/cpu.max", "500000 100000\n"}},
     3},
};

TEST(limits, cores_are_read_from_the_files_of_the_cgroups) {
    for (const cgroup_case& each : cgroups) {
        const auto read = [&](const std::string& path) {
            const auto found = each.files.find(path);
            return found == each.files.end() ? std::string{} : found->second;
        };
        EXPECT_EQ(cores_of_cgroups(read), each.cores) << each.name;
    }
}

TEST(limits, there_is_always_a_core) { EXPECT_GE(allowed_cores(), 1u); }

TEST(limits, a_thread_stays_on_the_processor_it_is_given) {
    const std::vector<int> all = allowed_processors();
    ASSERT_GE(all.size(), 1u);
    for (const int processor : all) {
        std::thread{[processor] {
            EXPECT_FALSE(pin_this_thread(processor));
            EXPECT_EQ(allowed_processors(), std::vector<int>{processor});
            EXPECT_EQ(::sched_getcpu(), processor);
        }}.join();
    }
    EXPECT_EQ(allowed_processors(), all) << "of this thread";
}

TEST(limits, a_processor_that_is_not_there_is_refused) {
    const std::vector<int> all = allowed_processors();
    for (const int processor : {-1, CPU_SETSIZE - 1, CPU_SETSIZE}) {
        EXPECT_EQ(pin_this_thread(processor), boost::system::errc::invalid_argument) << processor;
    }
    EXPECT_EQ(allowed_processors(), all);
}

TEST(limits, the_limit_on_descriptors_is_raised_as_far_as_it_goes) {
    const std::size_t limit = raise_descriptor_limit();
    rlimit now{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &now), 0);
    EXPECT_EQ(limit, now.rlim_cur);
    EXPECT_EQ(now.rlim_cur, now.rlim_max);
}

TEST(limits, of_few_descriptors_the_control_port_has_a_share) {
    EXPECT_EQ(control_connections_for(1'000'000, 256), 256u);
    EXPECT_EQ(control_connections_for(4'096, 256), 256u);
    EXPECT_EQ(control_connections_for(600, 256), 37u);
    EXPECT_EQ(control_connections_for(600, 5), 5u);
    EXPECT_EQ(control_connections_for(3, 256), 1u);
}

TEST(limits, of_few_descriptors_refused_connections_have_a_share) {
    EXPECT_EQ(farewells_for(1'000'000, 4, 16), 16u);
    EXPECT_EQ(farewells_for(1024, 1, 16), 16u);
    EXPECT_EQ(farewells_for(1024, 2, 16), 8u);
    EXPECT_EQ(farewells_for(600, 1, 16), 9u);
    EXPECT_EQ(farewells_for(600, 1, 2), 2u);
    EXPECT_EQ(farewells_for(0, 8, 16), 1u);
}

TEST(limits, connections_are_what_the_process_does_not_need_itself) {
    // 64 spare, 12 for each shard, and the others.
    EXPECT_EQ(connections_for(1'000'000, 4, 256), 1'000'000u - 64 - 48 - 256);
    EXPECT_EQ(connections_for(1024, 1, 256), 1024u - 64 - 12 - 256);
    // Too few for anything: one for each shard, and accept will say why it fails.
    EXPECT_EQ(connections_for(100, 2, 256), 2u);
    EXPECT_EQ(connections_for(0, 8, 0), 8u);
    // More descriptors never mean fewer connections.
    for (std::size_t descriptors = 1; descriptors < 2000; ++descriptors) {
        EXPECT_GE(connections_for(descriptors, 3, 100), connections_for(descriptors - 1, 3, 100));
    }
}

} // namespace
} // namespace carillon::shards
