// What the kernel tells of memory is cut into lines and words that put together give the text again; sums that no
// number holds are no sums.

#include "base/check.hpp"
#include "load/kernel_memory.hpp"
#include "load/proc_text.hpp"
#include "load/process_probe.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace carillon::load;

// The fuzzer need not guess them: the first byte of the input chooses one to begin with.
constexpr std::array<std::string_view, 6> beginnings{
    "",
    "slabinfo - version: 2.1\nsock 1 2 960 ",
    "slabinfo - version: 2.1\nsock 9223372036854775807 2 1\nfilp ",
    "Slab: 12 kB\n",
    "Rss:  34 kB\n",
    "TCP: inuse 5 mem ",
};

void check_word(std::string_view word) {
    CHECK(word.find_first_of(" \t") == word.npos);
    const auto number = whole_number(word);
    if (!number) return;
    CHECK(*number >= 0);
    if (word.starts_with('-')) { // less nothing is nothing
        CHECK(*number == 0);
        word.remove_prefix(1);
    }
    CHECK(!word.empty() && word.find_first_not_of("0123456789") == word.npos);
    const std::string digits = std::to_string(*number);
    CHECK(word.ends_with(digits) && word.find_first_not_of('0') >= word.size() - (*number == 0 ? 0 : digits.size()));
}

void check_words(std::string_view line) {
    while (!line.empty()) {
        const std::string_view before = line;
        const std::string_view word = take_word(line);
        CHECK(line.size() < before.size() && before.ends_with(line));
        CHECK(before.substr(0, before.size() - line.size()).ends_with(word));
        CHECK(!word.empty() || line.empty());
        check_word(word);
    }
}

void check_lines(std::string_view text) {
    const std::string_view whole = text;
    std::string again;
    while (const auto line = take_line(text)) {
        CHECK(line->find('\n') == line->npos);
        check_words(*line);
        again.append(*line).push_back('\n');
    }
    if (!whole.ends_with('\n') && !whole.empty()) again.pop_back(); // the last line needs no end
    CHECK(again == whole);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    std::string made{beginnings[data[0] % beginnings.size()]};
    made.append(reinterpret_cast<const char*>(data) + 1, size - 1);
    const std::vector<char> memory{made.begin(), made.end()}; // of exactly the size
    const std::string_view text{memory.data(), memory.size()};
    check_lines(text);
    for (const auto bytes : {meminfo_slab_bytes(text), rollup_resident_bytes(text)})
        CHECK(!bytes || (*bytes >= 0 && *bytes % 1024 == 0));
    for (const auto count : {slabinfo_active_bytes(text), sockstat_tcp_pages(text)}) CHECK(!count || *count >= 0);
    return 0;
}
