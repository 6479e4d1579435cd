#include "base/name_hash.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <set>
#include <string>
#include <thread>

namespace carillon {
namespace {

TEST(name_hash, is_the_same_for_all_threads) {
    const std::size_t here = name_hash("mail:demo");
    std::size_t there = 0;
    std::thread{[&] { there = hash_of_name{}("mail:demo"); }}.join();
    EXPECT_EQ(there, here);
}

// What the test below asks another process to say.
TEST(name_hash, DISABLED_say_it) { std::printf("hash %zu\n", name_hash("mail:demo")); }

std::string hash_in_another_process() {
    const std::string command = "GTEST_OUTPUT= " + std::filesystem::read_symlink("/proc/self/exe").string() +
                                " --gtest_also_run_disabled_tests --gtest_filter=name_hash.DISABLED_say_it";
    std::FILE* const said = ::popen(command.c_str(), "r");
    std::string hash;
    std::array<char, 256> line;
    while (said != nullptr && std::fgets(line.data(), line.size(), said) != nullptr) {
        if (std::string_view{line.data()}.starts_with("hash ")) hash = line.data();
    }
    EXPECT_EQ(::pclose(said), 0);
    return hash;
}

TEST(name_hash, is_another_in_the_next_process) {
    const std::string one = hash_in_another_process();
    EXPECT_FALSE(one.empty());
    EXPECT_NE(one, hash_in_another_process());
}

TEST(name_hash, names_that_are_alike_do_not_fall_together) {
    std::set<std::size_t> low;
    std::set<std::size_t> all;
    for (int i = 0; i < 10'000; ++i) {
        const std::size_t hash = name_hash("mailbox:" + std::to_string(i));
        all.insert(hash);
        low.insert(hash % 65'536);
    }
    EXPECT_EQ(all.size(), 10'000u);
    EXPECT_GT(low.size(), 9'000u) << "of 10000 random numbers below 65536, 9270 are different";
    EXPECT_NE(name_hash(""), name_hash(std::string_view{"\0", 1}));
}

} // namespace
} // namespace carillon
