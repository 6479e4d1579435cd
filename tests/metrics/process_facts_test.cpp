#include "metrics/process_facts.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace carillon::metrics {
namespace {

TEST(process_facts, the_kernel_answers_every_question) {
    const auto facts = read_process_facts(4711, 0);
    const auto now = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
    EXPECT_GT(facts.resident_memory_bytes, 1u << 20);
    EXPECT_GT(facts.start_time_seconds, 1.7e9);
    EXPECT_LT(facts.start_time_seconds, now + 2); // the boot time has whole seconds
    EXPECT_GT(facts.cpu_seconds, 0);
    EXPECT_EQ(facts.connections_limit, 4711u);
    EXPECT_EQ(facts.version, CARILLON_VERSION);
    EXPECT_NE(facts.compiler, "");
    rlimit limit{};
    ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
    EXPECT_EQ(facts.fds_max, limit.rlim_cur);
}

TEST(process_facts, open_descriptors_are_counted_without_a_walk_over_them) {
    const auto before = count_open_fds();
    std::vector<int> opened;
    for (int count = 0; count < 20; ++count) opened.push_back(open("/dev/null", O_RDONLY | O_CLOEXEC));
    EXPECT_EQ(count_open_fds(), before + 20);
    // Since Linux 6.2 the kernel says it; before, what the caller has counted is taken.
    struct stat directory {};
    ASSERT_EQ(stat("/proc/self/fd", &directory), 0);
    EXPECT_EQ(read_process_facts(0, 4711).open_fds, directory.st_size > 0 ? before + 20 : 4711);
    for (const int fd : opened) close(fd);
    EXPECT_EQ(count_open_fds(), before);
}

} // namespace
} // namespace carillon::metrics
