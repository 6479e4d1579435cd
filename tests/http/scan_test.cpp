#include "http/scan.hpp"

#include <gtest/gtest.h>

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
    {"a value", scan::value_end, scan::bytewise::value_end},
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

TEST(scan, goes_on_after_tabs) {
    const std::string value =
        std::string(20, 'a') + "\t\t" + std::string(40, 'b') + '\t' + std::string(3, 'c') + "\t\r";
    EXPECT_EQ(scan::value_end(value.data(), value.data() + value.size()), value.data() + value.size() - 1);
}

TEST(scan, goes_on_after_a_rare_byte_of_a_name) {
    const std::string name = "x_long-name.of-more_than-sixteen_bytes-and_then-some: value";
    EXPECT_EQ(static_cast<std::size_t>(scan::token_end(name.data(), name.data() + name.size()) - name.data()),
              name.find(':'));
}

} // namespace
} // namespace carillon::http
