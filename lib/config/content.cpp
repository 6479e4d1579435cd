#include "config/content.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <memory>
#include <system_error>

namespace carillon::config {

namespace {

std::string because_of(int number) { return std::generic_category().message(number); }

} // namespace

complaint read_content(const std::string& path, std::size_t bytes_max, std::string& content) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file{std::fopen(path.c_str(), "re"), std::fclose};
    if (!file) return fmt::format("cannot be opened: {}", because_of(errno));
    content.resize(bytes_max + 1);
    errno = 0;
    content.resize(std::fread(content.data(), 1, content.size(), file.get()));
    if (std::ferror(file.get()) != 0) return fmt::format("cannot be read: {}", because_of(errno));
    if (content.size() > bytes_max) return fmt::format("is larger than {} bytes", bytes_max);
    return {};
}

} // namespace carillon::config
