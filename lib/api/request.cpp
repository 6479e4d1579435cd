#include "api/request.hpp"

#include <algorithm>
#include <array>
#include <iterator>

namespace carillon::api {

namespace {

// In the order of `command`.
constexpr std::array<std::string_view, std::variant_size_v<command>> methods{
    "publish",        "broadcast", "subscribe",      "unsubscribe", "disconnect", "refresh",     "presence",
    "presence_stats", "history",   "history_remove", "channels",    "info",       "connections", "",
};

} // namespace

std::string_view method_of(const command& what) noexcept { return methods[what.index()]; }

std::vector<std::string> method_names() { return {methods.begin(), std::prev(methods.end())}; }

std::size_t method_index(std::string_view name) noexcept {
    const auto last = std::prev(methods.end());
    return static_cast<std::size_t>(std::find(methods.begin(), last, name) - methods.begin());
}

bool is_method(std::string_view name) noexcept { return name == "batch" || method_index(name) + 1 < methods.size(); }

} // namespace carillon::api
