#include "http/scan.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace carillon::http {
namespace {

using search = const char* (*)(const char*, const char*);
struct scan_case {
    const char* name;
    search fast;
    search bytewise;
};
constexpr scan_case scans[] = {
    {"a token", scan::token_end, scan::bytewise::token_end},
    {"a target", scan::target_end, scan::bytewise::target_end},
};

TEST(scan, sixteen_bytes_at_a_time_stop_where_one_at_a_time_does) {
    for (const scan_case& item : scans)
        for (std::size_t size = 1; size <= 50; ++size)
            for (std::size_t at = 0; at < size; ++at)
                for (int byte = 0; byte < 256; ++byte) {
                    std::string text(size, 'a');
                    text[at] = static_cast<char>(byte);
                    const char* const end = text.data() + text.size();
                    ASSERT_EQ(item.fast(text.data(), end) - text.data(), item.bytewise(text.data(), end) - text.data())
                        << item.name << ", byte " << byte << " at " << at << " of " << size;
                }
}

TEST(scan, control_bytes_are_found_one_after_the_other_wherever_the_search_begins) {
    std::mt19937 random{7};
    for (int round = 0; round < 3000; ++round) {
        std::string text(random() % 200, 'a');
        for (std::size_t marks = random() % 9; marks > 0 && !text.empty(); --marks)
            text[random() % text.size()] = static_cast<char>(random() % 256);
        const std::size_t start = random() % (text.size() + 1);
        const char* const end = text.data() + text.size();
        scan::control_bytes found{text.data(), text.data() + start, end};
        for (std::size_t i = start; i < text.size(); ++i)
            if (scan::is_control(text[i])) {
                ASSERT_EQ(found.next() - text.data(), static_cast<std::ptrdiff_t>(i)) << "from " << start;
            }
        ASSERT_EQ(found.next(), end);
        ASSERT_EQ(found.next(), end);
    }
}

TEST(scan, sixty_four_bytes_at_a_time_find_the_control_bytes_that_one_at_a_time_finds) {
    for (int byte = 0; byte < 256; ++byte)
        for (std::size_t at = 0; at < 64; ++at) {
            std::string text(64, 'a');
            text[at] = static_cast<char>(byte);
            ASSERT_EQ(scan::controls_of_64(text.data()), scan::bytewise::controls_of_64(text.data())) << byte;
        }
}

TEST(scan, goes_on_after_a_rare_byte_of_a_name) {
    const std::string name = "x_long-name.of-more_than-sixteen_bytes-and_then-some: value";
    EXPECT_EQ(static_cast<std::size_t>(scan::token_end(name.data(), name.data() + name.size()) - name.data()),
              name.find(':'));
}

} // namespace
} // namespace carillon::http
