#include "load/proc_text.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <fcntl.h>
#include <limits>
#include <unistd.h>

namespace carillon::load {

result<std::string> read_proc_file(const std::string& path) {
    const auto last_error = [] { return error_code{errno, boost::system::system_category()}; };
    const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) return last_error();
    std::string text;
    std::array<char, 16384> part;
    ssize_t read_bytes = 0;
    do {
        read_bytes = read(file, part.data(), part.size());
        if (read_bytes > 0) text.append(part.data(), static_cast<std::size_t>(read_bytes));
    } while (read_bytes > 0 || (read_bytes < 0 && errno == EINTR));
    const error_code why = read_bytes < 0 ? last_error() : error_code{};
    close(file);
    if (why) return why;
    return text;
}

std::optional<std::string_view> take_line(std::string_view& text) {
    if (text.empty()) return std::nullopt;
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    return line;
}

std::string_view take_word(std::string_view& line) {
    constexpr std::string_view blanks = " \t";
    line.remove_prefix(std::min(line.find_first_not_of(blanks), line.size()));
    const std::string_view word = line.substr(0, line.find_first_of(blanks));
    line.remove_prefix(word.size());
    return word;
}

std::optional<std::int64_t> whole_number(std::string_view word) {
    std::int64_t number = 0;
    const char* const end = word.data() + word.size();
    const auto [stopped, failed] = std::from_chars(word.data(), end, number);
    if (failed != std::errc{} || stopped != end || number < 0) return std::nullopt;
    return number;
}

std::optional<std::int64_t> kibibytes_after(std::string_view text, std::string_view name) {
    while (auto line = take_line(text)) {
        if (take_word(*line) != name) continue;
        const auto kibibytes = whole_number(take_word(*line));
        if (!kibibytes || take_word(*line) != "kB") return std::nullopt;
        if (*kibibytes > std::numeric_limits<std::int64_t>::max() / 1024) return std::nullopt;
        return *kibibytes * 1024;
    }
    return std::nullopt;
}

} // namespace carillon::load
