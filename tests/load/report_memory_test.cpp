#include "load/kernel_memory.hpp"
#include "load/proc_text.hpp"
#include "load/process_probe.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

namespace carillon::load {
namespace {

constexpr std::string_view slabinfo_head =
    "slabinfo - version: 2.1\n"
    "# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables <limit>\n";

struct number_case {
    const char* name;
    std::string text;
    std::optional<std::int64_t> wanted;
};

class report_slabinfo : public testing::TestWithParam<number_case> {};

TEST_P(report_slabinfo, active_objects_times_size) {
    EXPECT_EQ(slabinfo_active_bytes(GetParam().text), GetParam().wanted);
}

INSTANTIATE_TEST_SUITE_P(
    all, report_slabinfo,
    testing::Values(
        number_case{"no_caches", std::string{slabinfo_head}, 0},
        number_case{"two_caches",
                    std::string{slabinfo_head} + "TCP                 19527  19600   2432   13    8 : tunables 0 0 0\n"
                                                 "eventpoll_epi         100    128    128   32    1 : tunables 0 0 0\n",
                    19527 * 2432 + 100 * 128},
        number_case{"no_last_line_break", std::string{slabinfo_head} + "TCP 2 3 100 1 1", 200},
        number_case{"empty", "", std::nullopt},
        number_case{"another_version", "slabinfo - version: 3.0\nTCP 2 3 100\n", std::nullopt},
        number_case{"no_numbers", std::string{slabinfo_head} + "TCP two 3 100 1 1\n", std::nullopt},
        number_case{"cut_line", std::string{slabinfo_head} + "TCP 2 3\n", std::nullopt},
        number_case{"product_too_big", std::string{slabinfo_head} + "TCP 9223372036854775807 3 2 1 1\n", std::nullopt},
        number_case{"sum_too_big", std::string{slabinfo_head} + "A 9223372036854775807 3 1 1 1\nB 1 1 1 1 1\n",
                    std::nullopt}),
    [](const auto& one) { return std::string{one.param.name}; });

TEST(report_memory, the_slab_of_meminfo) {
    EXPECT_EQ(meminfo_slab_bytes("MemTotal:  100 kB\nSlab:             137560 kB\nSReclaimable: 5 kB\n"),
              137560 * 1024);
    EXPECT_EQ(meminfo_slab_bytes("MemTotal:  100 kB\n"), std::nullopt);
    EXPECT_EQ(meminfo_slab_bytes("Slab: 12\n"), std::nullopt);
    EXPECT_EQ(meminfo_slab_bytes("Slab: 9223372036854775807 kB\n"), std::nullopt);
}

TEST(report_memory, the_tcp_pages_of_sockstat) {
    constexpr std::string_view text =
        "sockets: used 13\nTCP: inuse 1 orphan 0 tw 0 alloc 1 mem 214\nUDP: inuse 0 mem 7\n";
    EXPECT_EQ(sockstat_tcp_pages(text), 214);
    EXPECT_EQ(sockstat_tcp_pages("UDP: inuse 0 mem 7\n"), std::nullopt);
    EXPECT_EQ(sockstat_tcp_pages("TCP: inuse 1 mem\n"), std::nullopt);
    EXPECT_EQ(sockstat_tcp_pages("TCP: inuse 1 mem -3\n"), std::nullopt);
}

TEST(report_memory, the_resident_bytes_of_a_rollup) {
    EXPECT_EQ(rollup_resident_bytes("55d-7ff ---p 0 00:00 0 [rollup]\nRss:    1234 kB\nPss:  99 kB\n"), 1234 * 1024);
    EXPECT_EQ(rollup_resident_bytes(""), std::nullopt);
}

TEST(report_memory, the_kernel_tells_both) {
    const auto memory = read_kernel_memory();
    ASSERT_TRUE(memory) << memory.error().message();
    EXPECT_GT(memory->slab_bytes, 1 << 20);
    EXPECT_GE(memory->socket_bytes, 0);
}

// A child that holds `bytes` and has worked for 20 ms of CPU time; ends when its pipe does.
class child {
public:
    explicit child(std::size_t bytes) {
        int ready[2];
        int hold[2];
        EXPECT_EQ(pipe(ready), 0);
        EXPECT_EQ(pipe(hold), 0);
        process = fork();
        if (process == 0) {
            close(hold[1]);
            run(bytes, ready[1], hold[0]);
        }
        close(hold[0]);
        close(ready[1]);
        held_ = hold[1];
        char byte = 0;
        EXPECT_EQ(read(ready[0], &byte, 1), 1);
        close(ready[0]);
    }
    child(const child&) = delete;
    child& operator=(const child&) = delete;
    ~child() { end(); }

    void end() {
        if (held_ < 0) return;
        close(held_);
        held_ = -1;
        EXPECT_EQ(waitpid(process, nullptr, 0), process);
    }

    pid_t process = -1;

private:
    [[noreturn]] static void run(std::size_t bytes, int ready, int hold) {
        void* const memory =
            mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
        timespec spent{};
        do clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent);
        while (spent.tv_sec == 0 && spent.tv_nsec < 20'000'000);
        char byte = memory != MAP_FAILED ? 'y' : 'n';
        if (write(ready, &byte, 1) != 1 || read(hold, &byte, 1) != 0) _exit(1);
        _exit(0);
    }

    int held_ = -1;
};

TEST(report_process_probe, cpu_and_memory_are_those_of_all_processes) {
    constexpr std::size_t bytes = 32 << 20;
    const child first{bytes};
    const child second{bytes};
    const process_probe one{{first.process}};
    const process_probe both{{first.process, second.process}};
    EXPECT_EQ(both.complaint(), std::nullopt);
    EXPECT_GE(one.cpu().value(), std::chrono::milliseconds{20});
    EXPECT_GE(both.cpu().value(), std::chrono::milliseconds{40});
    EXPECT_GE(one.resident_bytes().value(), std::int64_t{bytes});
    EXPECT_GE(both.resident_bytes().value(), 2 * std::int64_t{bytes});
}

TEST(report_process_probe, a_process_that_has_ended_is_an_error_and_a_sentence) {
    child gone{4096};
    const process_probe probe{{getpid(), gone.process}};
    EXPECT_EQ(probe.complaint(), std::nullopt);
    gone.end();
    EXPECT_EQ(probe.cpu().error().value(), ESRCH);
    EXPECT_EQ(probe.resident_bytes().error().value(), ESRCH);
    EXPECT_EQ(probe.complaint(), "process " + std::to_string(gone.process) + " cannot be watched: No such process");
}

TEST(report_process_probe, nobody_has_spent_nothing) {
    const process_probe probe{{}};
    EXPECT_EQ(probe.cpu().value(), std::chrono::nanoseconds::zero());
    EXPECT_EQ(probe.resident_bytes().value(), 0);
    EXPECT_EQ(probe.complaint(), std::nullopt);
}

TEST(report_proc_text, a_missing_file_is_the_kernels_error) {
    EXPECT_EQ(read_proc_file("/proc/self/there-is-none").error().value(), ENOENT);
    EXPECT_EQ(read_proc_file("/proc/self").error().value(), EISDIR);
}

} // namespace
} // namespace carillon::load
